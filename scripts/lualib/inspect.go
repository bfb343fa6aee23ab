package lualib

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
	"github.com/ws76/ws76/scripts/luastring"
)

const (
	maxInspectDepth = 100 // of tables in tables; what is deeper is left out
	maxFlat         = 80  // columns of a table that is on one line
)

// inspect is ws76.inspect(value).
func (l *library) inspect(L *lua.LState) int {
	i := newInspector(L, l.Budget, "inspect")
	i.value(lauxlib.CheckAny(L, 1), "")
	L.Push(i.account.String(i.out))
	return 1
}

// Inspect returns a value as text that a person can read: tables with sorted keys, strings in quotes.
func Inspect(L *lua.LState, b *luastring.Budget, v lua.LValue) string {
	i := newInspector(L, b, "inspect")
	i.value(v, "")
	return string(i.out)
}

type inspector struct {
	L       *lua.LState
	account luastring.Account
	out     []byte
	open    []*lua.LTable // that are being written
	end     int           // of out while a table is tried on one line; 0: there is none
}

func newInspector(L *lua.LState, b *luastring.Budget, what string) *inspector {
	return &inspector{L: L, account: b.Account(L, what, 0)}
}

// full reports whether a table that is tried on one line has no room there.
func (i *inspector) full() bool { return i.end > 0 && len(i.out) > i.end }

func (i *inspector) add(s string) {
	i.out = append(i.account.Grow(i.out, len(s)), s...)
}

// value writes a value whose lines are indented.
func (i *inspector) value(v lua.LValue, indent string) {
	i.account.Spend(1)
	i.account.Give(16)
	switch v := v.(type) {
	case lua.LNumber:
		i.add(lauxlib.FormatNumber(float64(v)))
	case lua.LString:
		i.quote(string(v))
	case *lua.LTable:
		i.table(v, indent)
	case *lua.LFunction:
		if !v.IsG && !strings.HasPrefix(v.Proto.SourceName, "[") {
			i.add(fmt.Sprintf("<function %s:%d>", v.Proto.SourceName, v.Proto.LineDefined))
			return
		}
		i.add("<function>")
	case *lua.LUserData:
		i.userdata(v)
	case *lua.LNilType, lua.LBool:
		i.add(v.String())
	default:
		i.add("<" + v.Type().String() + ">")
	}
}

// userdata writes an object as it says itself.
func (i *inspector) userdata(v *lua.LUserData) {
	text := "userdata"
	if mt, ok := v.Metatable.(*lua.LTable); ok && mt.RawGetString("__tostring") != lua.LNil {
		text = i.L.ToStringMeta(v).String()
	}
	if text != "null" {
		text = "<" + text + ">"
	}
	i.add(text)
}

var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

var keywords = strings.Fields("and break do else elseif end false for function if in local nil not or repeat return then true until while")

// key writes what an entry of a table begins with.
func (i *inspector) key(k lua.LValue) {
	if s, ok := k.(lua.LString); ok && len(s) <= maxFlat && plainKey.MatchString(string(s)) && !slices.Contains(keywords, string(s)) {
		i.add(string(s))
		return
	}
	i.add("[")
	if _, ok := k.(*lua.LTable); ok {
		i.add("<table>")
	} else {
		i.value(k, "")
	}
	i.add("]")
}

func (i *inspector) table(t *lua.LTable, indent string) {
	switch {
	case slices.Contains(i.open, t):
		i.add("<cycle>")
		return
	case len(i.open) >= maxInspectDepth:
		i.add("{…}")
		return
	}
	i.account.Enter(t)
	i.open = append(i.open, t)
	defer func() {
		i.open = i.open[:len(i.open)-1]
		i.account.Leave()
	}()
	list, keys := i.entries(t)
	if list+len(keys) == 0 {
		i.add("{}")
		return
	}
	if i.end > 0 {
		i.body(t, list, keys, "", " ")
		return
	}
	if list+len(keys) <= maxFlat/3 {
		begin := len(i.out)
		i.end = begin + max(maxFlat-len(indent), 20)
		i.body(t, list, keys, "", " ")
		fits := !i.full()
		i.end = 0
		if fits {
			return
		}
		i.out = i.out[:begin]
	}
	i.body(t, list, keys, indent+"  ", "\n"+indent+"  ")
}

// body writes the entries of a table, with between in between them.
func (i *inspector) body(t *lua.LTable, list int, keys []lua.LValue, indent, between string) {
	many := between != " "
	i.add("{")
	for n := range list + len(keys) {
		if i.full() {
			return
		}
		if n > 0 {
			i.add(",")
		}
		if many || n > 0 {
			i.add(between)
		}
		if n < list {
			i.value(t.RawGetInt(n+1), indent)
			continue
		}
		k := keys[n-list]
		i.key(k)
		i.add(" = ")
		i.value(t.RawGet(k), indent)
	}
	if many {
		i.add(between[:len(between)-2])
	}
	i.add("}")
}

// entries returns how long the list in a table is, and its other keys in order.
func (i *inspector) entries(t *lua.LTable) (list int, keys []lua.LValue) {
	for t.RawGetInt(list+1) != lua.LNil {
		list++
		i.account.Spend(1)
	}
	t.ForEach(func(k, _ lua.LValue) {
		i.account.Spend(1)
		if n, ok := k.(lua.LNumber); ok && n >= 1 && n <= lua.LNumber(list) && n == lua.LNumber(math.Trunc(float64(n))) {
			return
		}
		i.account.Give(16)
		if len(keys) == cap(keys) {
			i.account.Take(32 * max(4, len(keys)))
		}
		keys = append(keys, k)
	})
	i.account.Spend(len(keys) * bits.Len(uint(len(keys))))
	slices.SortStableFunc(keys, compareKeys)
	return list, keys
}

// compareKeys orders numbers, then strings, then others by their type.
func compareKeys(a, b lua.LValue) int {
	if byType := cmp.Compare(keyRank(a), keyRank(b)); byType != 0 {
		return byType
	}
	switch a := a.(type) {
	case lua.LNumber:
		return cmp.Compare(a, b.(lua.LNumber))
	case lua.LString:
		return cmp.Compare(a, b.(lua.LString))
	case lua.LBool:
		if a == b.(lua.LBool) {
			return 0
		} else if !a {
			return -1
		}
		return 1
	}
	return 0
}

func keyRank(v lua.LValue) int {
	switch v.(type) {
	case lua.LNumber:
		return 0
	case lua.LString:
		return 1
	case lua.LBool:
		return 2
	}
	return 3 + int(v.Type())
}

// quote writes a string that Lua would read as the same; what cannot be seen is in digits.
func (i *inspector) quote(s string) {
	i.account.Text(len(s))
	i.add(`"`)
	for len(s) > 0 && !i.full() {
		n := 0 // bytes that stand for themselves
		var escaped string
		for n < len(s) && escaped == "" && n < 1024 {
			r, size := utf8.DecodeRuneInString(s[n:])
			if escaped = escape(r, s[n:n+size]); escaped == "" {
				n += size
			}
		}
		i.account.Spend(n >> 2)
		i.add(s[:n])
		if s = s[n:]; escaped != "" {
			i.add(escaped)
			i.account.Waste(48)
			_, size := utf8.DecodeRuneInString(s)
			s = s[size:]
		}
	}
	i.add(`"`)
}

// escape returns what stands for a character in quotes; "" is itself.
func escape(r rune, raw string) string {
	switch {
	case r == '"' || r == '\\':
		return `\` + raw
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case unicode.IsPrint(r) && (r != utf8.RuneError || len(raw) > 1):
		return ""
	}
	var b strings.Builder
	for _, c := range []byte(raw) {
		fmt.Fprintf(&b, `\%03d`, c)
	}
	return b.String()
}

// Difference compares two values, tables by what is in them, and says where they differ first: at which place below
// them, and which values there are. same is true where they do not. What is nested too deep to be compared raises an error.
func Difference(L *lua.LState, b *luastring.Budget, got, want lua.LValue) (at string, a, z lua.LValue, same bool) {
	d := &differ{i: newInspector(L, b, "equal"), seen: map[[2]*lua.LTable]bool{}}
	if d.same(got, want, 0) {
		return "", got, want, true
	}
	slices.Reverse(d.path)
	return strings.Join(d.path, ""), d.got, d.want, false
}

type differ struct {
	i         *inspector
	seen      map[[2]*lua.LTable]bool // pairs that are being compared, or are the same
	path      []string                // to the difference, the last step first
	got, want lua.LValue
}

func (d *differ) same(got, want lua.LValue, depth int) bool {
	d.i.account.Spend(1)
	a, isTable := got.(*lua.LTable)
	b, areTables := want.(*lua.LTable)
	if !isTable || !areTables {
		x, _ := got.(lua.LNumber)
		y, _ := want.(lua.LNumber)
		if got == want || x != x && y != y { // one that is no number is the same as another
			return true
		}
		d.got, d.want = got, want
		return false
	}
	pair := [2]*lua.LTable{a, b}
	if a == b || d.seen[pair] {
		return true
	}
	if depth > maxInspectDepth {
		d.i.L.RaiseError("equal: tables are nested deeper than %d", maxInspectDepth)
	}
	d.i.account.Take(64)
	d.seen[pair] = true
	_, keys := d.i.entries(a)
	for n := 1; ; n++ {
		x, y := a.RawGetInt(n), b.RawGetInt(n)
		if x == lua.LNil && y == lua.LNil {
			break
		}
		if !d.same(x, y, depth+1) {
			d.path = append(d.path, "["+strconv.Itoa(n)+"]")
			return false
		}
	}
	_, others := d.i.entries(b)
	keys = append(keys, others...)
	slices.SortStableFunc(keys, compareKeys)
	for _, k := range keys {
		if !d.same(a.RawGet(k), b.RawGet(k), depth+1) {
			d.path = append(d.path, d.step(k))
			return false
		}
	}
	return true
}

// step is how a key is written behind a table.
func (d *differ) step(k lua.LValue) string {
	d.i.out = d.i.out[:0]
	d.i.key(k)
	if !bytes.HasPrefix(d.i.out, []byte("[")) {
		return "." + string(d.i.out)
	}
	return string(d.i.out)
}
