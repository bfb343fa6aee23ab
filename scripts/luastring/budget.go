package luastring

import (
	lua "github.com/yuin/gopher-lua"
)

// Limits of a Budget that does not say its own.
const (
	DefaultSteps     = 50_000_000
	DefaultMaxString = 16 << 20
)

// patience is how many steps go by between two looks at the context, some tenths of a millisecond.
const patience = 1 << 16

// Budget bounds what one call of a script may spend in library functions. It belongs to one Lua state and its threads
// and is not for concurrent use. The limits may be changed between calls.
type Budget struct {
	// Steps is how many steps of matching, or pieces of 16 bytes of copying, one call may take. 0 means DefaultSteps.
	Steps int
	// MaxString is the largest string, in bytes, that a function may make. 0 means DefaultMaxString.
	MaxString int

	spent int
	check int // the context is looked at when spent passes this
}

// Reset makes the budget whole again. The host calls it before each call of the script.
func (b *Budget) Reset() { b.spent, b.check = 0, min(patience, b.steps()) }

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
		L.RaiseError("%s: a string of %d bytes is larger than the limit of %d", what, n, b.Largest())
	}
	b.Spend(L, what, n>>4)
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
