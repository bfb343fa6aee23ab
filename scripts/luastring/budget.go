package luastring

import (
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// Limits of a Budget that does not say its own.
const (
	DefaultSteps     = 50_000_000
	DefaultMaxString = 16 << 20
)

// What a call may take in memory for what it is given. The rest of 16 times a message is for what carries it.
const (
	DefaultMemory = 96 << 20
	perByte       = 6
	leastGiven    = 1 << 20
)

// large is up to which size it is not looked what for memory is taken.
const large = 64 << 10

// measureEvery is how many bytes are taken between two calls of Measure.
const measureEvery = 2 << 20

// patience is how many steps go by between two looks at the context, some tenths of a millisecond.
const patience = 1 << 16

// Budget bounds what one call of a script may spend in library functions. It belongs to one Lua state and its threads
// and is not for concurrent use. The limits may be changed between calls.
type Budget struct {
	// Steps is how many steps of matching, or pieces of 16 bytes of copying, one call may take. 0 means DefaultSteps.
	Steps int
	// MaxString is the largest string, in bytes, that a function may make. 0 means DefaultMaxString.
	MaxString int
	// Memory is what one call of a function may take in memory, in bytes. 0 is 6 times what it is given, at least that of
	// 1 MiB and at most DefaultMemory: what an Account allows.
	Memory int
	// MaxStringBy and MemoryBy are what these are raised by, such as "--script-max-string", for errors; "" is not said.
	MaxStringBy, MemoryBy string
	// Measure, where it is set, looks whether the script has taken too much memory, or does so with n bytes more, which it is
	// about to take, and returns the error to end it with. It is called whenever the functions have taken some MiB more.
	Measure func(n int) error
	// Collect, where it is set, is called before a function takes much and others have taken so many bytes, and reports
	// whether it has collected garbage.
	Collect func(taken int) bool

	spent int
	check int // the context is looked at when spent passes this
	taken int // bytes, since garbage was collected
	known int // of these, when Measure was called last

	wasted int // bytes that are garbage, since it was collected
	asked  int // of these, when Collect was called last

	message int // the bytes that this call was given; -1: it is about nothing that was given
}

// Reset makes the budget whole again. The host calls it before each call of the script.
func (b *Budget) Reset() { b.spent, b.check, b.message = 0, min(patience, b.steps()), -1 }

func (b *Budget) steps() int {
	if b.Steps <= 0 {
		return DefaultSteps
	}
	return b.Steps
}

// Largest returns MaxString, or its default.
func (b *Budget) Largest() int {
	if b.MaxString <= 0 {
		return DefaultMaxString
	}
	return b.MaxString
}

// RaisedBy ends an error about a limit: it says what raises it, where that has a name.
func RaisedBy(name string) string {
	if name == "" {
		return ""
	}
	return " (" + name + " raises it)"
}

// Spend takes n steps. It raises a Lua error in the name of what, such as "string.gsub", when there are not as many left or
// when the context of L is done.
func (b *Budget) Spend(L *lua.LState, what string, n int) {
	if b.spent += n; b.spent > b.check {
		b.look(L, what)
	}
}

// Size raises a Lua error when a string of n bytes is too large, and takes the steps for making it.
func (b *Budget) Size(L *lua.LState, what string, n int) {
	if n < 0 || n > b.Largest() {
		L.RaiseError("%s: a string of %d bytes is larger than the limit of %d%s", what, n, b.Largest(), RaisedBy(b.MaxStringBy))
	}
	b.Spend(L, what, n>>4)
	b.take(L, what, n)
}

// take notes that n bytes are about to be allocated.
func (b *Budget) take(L *lua.LState, what string, n int) {
	if b.taken += n; b.taken-b.known > measureEvery {
		b.measure(L, what, n)
	}
}

// measure is the rare part of take.
func (b *Budget) measure(L *lua.LState, what string, n int) {
	b.known = b.taken
	if b.Measure == nil {
		return
	}
	if err := b.Measure(n); err != nil {
		L.RaiseError("%s: %v", what, err)
	}
}

// Given notes that the script is given a string of n bytes, which the host is about to make, to begin with in this call.
func (b *Budget) Given(n int) {
	if b.message = n; n >= large {
		b.collect()
		b.taken += n
	}
}

// Waste notes that n bytes were allocated and are garbage already, as many a function leaves behind that works through a
// long text in one call.
func (b *Budget) Waste(n int) {
	if b.wasted += n; b.wasted > b.asked+measureEvery && b.Collect != nil {
		if b.asked = b.wasted; b.Collect(b.wasted) {
			b.wasted, b.asked = 0, 0
		}
	}
}

func (b *Budget) collect() {
	if b.taken > measureEvery && b.Collect != nil && b.Collect(b.taken) {
		b.taken, b.known = 0, 0
	}
}

// look is the slow part of Spend.
func (b *Budget) look(L *lua.LState, what string) {
	if limit := b.steps(); b.spent > limit {
		b.check = limit // whatever comes next ends here as well
		L.RaiseError("%s: stopped after %d steps (the pattern or the data is too much for one call)", what, limit)
	}
	b.check = min(b.spent+patience, b.steps())
	if ctx := L.Context(); ctx != nil && ctx.Err() != nil {
		L.RaiseError("%s: stopped: %v", what, ctx.Err())
	}
}

// Array is called before the array of a table gets room for so many values. So many of them are between those that the
// table has and the one that is set: the interpreter fills them, where Lua's own tables do not.
func (b *Budget) Array(L *lua.LState, values, between int) {
	const what = "table"
	b.Spend(L, what, values>>4)
	bytes := slotBytes * values
	if slotBytes*between < large {
		b.take(L, what, bytes)
		return
	}
	given := b.message
	if given < 0 {
		given = DefaultMemory / perByte
	}
	account := b.Account(L, what, given)
	account.Take(bytes)
}

// slotBytes is what a value in an array takes.
const slotBytes = 16

// Account is the memory that one call of one function takes: all that it allocates, whether it is garbage by the end or
// not.
type Account struct {
	b     *Budget
	state *lua.LState
	what  string
	given int
	taken int

	seen  map[*lua.LTable]struct{} // tables that were counted
	again int                      // how deep it is in one that was
}

// Account opens one for the function what, which was given data of so many bytes.
func (b *Budget) Account(L *lua.LState, what string, given int) Account {
	return Account{b: b, state: L, what: what, given: given}
}

// Give notes that the function was given n bytes more.
func (a *Account) Give(n int) {
	if a.again == 0 {
		a.given += n
	}
}

// Enter notes that what is given next is in a table, until Leave. One that is met again and again gives nothing more, as
// tables that hold the same one twice would without end.
func (a *Account) Enter(t *lua.LTable) {
	switch _, known := a.seen[t]; {
	case a.again > 0 || known:
		a.again++
	case a.given > leastGiven:
		if a.seen == nil {
			a.seen = map[*lua.LTable]struct{}{}
		}
		a.Take(2 * mapBytes(8, 8) / 8)
		a.seen[t] = struct{}{}
	}
}

// Leave is the end of what Enter began.
func (a *Account) Leave() { a.again = max(a.again-1, 0) }

// Text notes that the function was given a string of n bytes. A long one may be the same again and does not add up.
func (a *Account) Text(n int) {
	if a.again > 0 {
		return
	}
	if n < large {
		a.given += n
	} else {
		a.given = max(a.given, n)
	}
}

func (a *Account) limit() int {
	if a.b.Memory > 0 {
		return a.b.Memory
	}
	return min(perByte*max(a.given, leastGiven), DefaultMemory)
}

// Take is called before n bytes are allocated. It raises a Lua error where they are too many.
func (a *Account) Take(n int) {
	if a.taken += n; a.taken >= large {
		a.takeMore(n)
		return
	}
	a.b.take(a.state, a.what, n)
}

// takeMore is the rare part of Take.
func (a *Account) takeMore(n int) {
	b := a.b
	if limit := a.limit(); a.taken > limit {
		a.state.RaiseError("%s: stopped, since it takes more than the limit of %d KiB of memory for %d bytes of data%s",
			a.what, limit>>10, a.given, RaisedBy(b.MemoryBy))
	}
	if a.taken >= leastGiven && a.taken-n < leastGiven {
		b.collect()
	}
	b.take(a.state, a.what, n)
}

// Waste is Budget.Waste.
func (a *Account) Waste(n int) { a.b.Waste(n) }

// Spend takes n steps of the budget.
func (a *Account) Spend(n int) { a.b.Spend(a.state, a.what, n) }

// Grow returns b with room for n bytes more, within the largest string.
func (a *Account) Grow(b []byte, n int) []byte {
	need := len(b) + n
	if need <= cap(b) {
		return b
	}
	if need > a.b.Largest() {
		a.b.Size(a.state, a.what, need)
	}
	room := min(max(need, 2*cap(b), 64), max(need, a.b.Largest()))
	a.Take(room)
	a.Spend(len(b) >> 4)
	return append(make([]byte, 0, room), b...)
}

// String returns b as a string, which it must not be used after: it is not copied where little of it would be wasted.
func (a *Account) String(b []byte) lua.LString {
	a.Spend(len(b) >> 4)
	if cap(b)-len(b) > len(b)/4 {
		if len(b) > 4<<10 {
			a.Take(len(b))
		}
		return lua.LString(b)
	}
	return lua.LString(unsafe.String(unsafe.SliceData(b), len(b)))
}

// Table is called before a table is made with room for so many entries of a list and so many with other keys. It takes
// what these need once they are filled in.
func (a *Account) Table(list, keys int) {
	a.Spend(1 + list>>2 + keys)
	a.Take(tableBytes(list, keys))
}

// tableBytes is what a table of gopher-lua takes: a slice, and for keys two maps, a list of them, and each key as a value
// twice.
func tableBytes(list, keys int) int {
	const table, key = 96, 2*16 + 2*16
	n := table + slotBytes*list
	if keys > 0 {
		n += mapBytes(keys, 32) + 2*mapBytes(keys, 24) - 48 + key*keys
	}
	return n
}

// mapBytes is what a map of Go takes with n entries of so many bytes: groups of 8, at most 7/8 of which are in use.
func mapBytes(n, entry int) int {
	slots := 8
	for slots < n && slots*7/8 < n {
		slots *= 2
	}
	return 48 + slots/8*(8+8*entry)
}
