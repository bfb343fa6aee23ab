package lualib

import (
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/luastring"
)

// maxJSONDepth is how deep arrays and objects may be nested.
const maxJSONDepth = 100

func (l *library) openJSON(L *lua.LState, mod *lua.LTable) {
	l.null = L.NewUserData()
	mt := L.NewTable()
	mt.RawSetString("__tostring", L.NewFunction(func(L *lua.LState) int {
		L.Push(lua.LString("null"))
		return 1
	}))
	l.null.Metatable = mt
	mod.RawSetString("null", l.null)
	l.arrays = L.NewTable()
	t := L.NewTable()
	L.SetFuncs(t, map[string]lua.LGFunction{"encode": l.jsonEncode, "decode": l.jsonDecode, "array": l.jsonArray})
	mod.RawSetString("json", t)
}

// jsonArray marks a table as an array, which tells an empty one from an empty object.
func (l *library) jsonArray(L *lua.LState) int {
	t := L.OptTable(1, nil)
	if t == nil {
		t = L.NewTable()
	}
	t.Metatable = l.arrays
	L.Push(t)
	return 1
}

func (l *library) jsonEncode(L *lua.LState) int {
	e := l.encoder(L, "json.encode")
	e.value(L.CheckAny(1), 0)
	L.Push(e.account.String(e.out))
	return 1
}

type jsonEncoder struct {
	l       *library
	L       *lua.LState
	account luastring.Account
	out     []byte
}

func (l *library) encoder(L *lua.LState, what string) *jsonEncoder {
	return &jsonEncoder{l: l, L: L, account: l.Budget.Account(L, what, 0)}
}

// longest is more than any value but a string or a table takes, with what goes around it.
const longest = 32

func (e *jsonEncoder) value(v lua.LValue, depth int) {
	if depth > maxJSONDepth {
		e.L.RaiseError("json.encode: tables are nested deeper than %d, or hold themselves", maxJSONDepth)
	}
	e.account.Spend(1)
	e.account.Give(longest / 2)
	e.out = e.account.Grow(e.out, longest)
	switch v := v.(type) {
	case *lua.LNilType:
		e.out = append(e.out, "null"...)
	case lua.LBool:
		e.out = strconv.AppendBool(e.out, bool(v))
	case lua.LNumber:
		e.number(float64(v))
	case lua.LString:
		e.string(string(v))
	case *lua.LTable:
		e.table(v, depth)
	default:
		if v == e.l.null {
			e.out = append(e.out, "null"...)
			return
		}
		e.L.RaiseError("json.encode: a %s has no JSON", v.Type())
	}
}

func (e *jsonEncoder) number(f float64) {
	switch {
	case f != f || math.IsInf(f, 0):
		e.L.RaiseError("json.encode: %v has no JSON", f)
	case f == math.Trunc(f) && math.Abs(f) <= 1<<53:
		e.out = strconv.AppendInt(e.out, int64(f), 10)
	default:
		e.out = strconv.AppendFloat(e.out, f, 'g', -1, 64)
	}
}

func (e *jsonEncoder) string(s string) {
	e.account.Text(len(s))
	e.account.Spend(len(s) >> 2)
	e.out = e.account.Grow(e.out, len(s)+longest)
	const digits = "0123456789abcdef"
	e.out = append(e.out, '"')
	for i := 0; i < len(s); {
		if need := len(s) - i + longest; cap(e.out)-len(e.out) < need {
			e.out = e.account.Grow(e.out, need)
		}
		c := s[i]
		if c >= utf8.RuneSelf {
			_, size := utf8.DecodeRuneInString(s[i:])
			if size == 1 {
				e.L.RaiseError("json.encode: byte %d of a string is no UTF-8; encode it with ws76.base64 or ws76.hex first", i+1)
			}
			e.out = append(e.out, s[i:i+size]...)
			i += size
			continue
		}
		switch {
		case c == '"' || c == '\\':
			e.out = append(e.out, '\\', c)
		case c == '\n':
			e.out = append(e.out, `\n`...)
		case c == '\r':
			e.out = append(e.out, `\r`...)
		case c == '\t':
			e.out = append(e.out, `\t`...)
		case c < ' ' || c == 0x7f:
			e.out = append(e.out, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			e.out = append(e.out, c)
		}
		i++
	}
	e.out = append(e.out, '"')
}

// table writes an array where the keys are 1 to n, or where the table is marked as one; otherwise an object, whose keys
// are in order so that the same table gives the same text.
func (e *jsonEncoder) table(t *lua.LTable, depth int) {
	e.account.Enter(t)
	defer e.account.Leave()
	n := t.Len()
	inside, keys := e.keys(t, n)
	marked := t.Metatable == e.l.arrays
	if keys == nil && (n > 0 && inside == n || marked) {
		e.out = append(e.out, '[')
		for i := 1; i <= n; i++ {
			if i > 1 {
				e.out = append(e.out, ',')
			}
			e.value(t.RawGetInt(i), depth+1)
		}
		e.out = append(e.out, ']')
		return
	}
	if marked {
		e.L.RaiseError("json.encode: an array has the key %q", keys[0].name)
	}
	for i := 1; i <= n; i++ { // a table with both kinds of keys, or with holes, is an object
		if v := t.RawGetInt(i); v != lua.LNil {
			keys = e.add(keys, strconv.Itoa(i), v)
		}
	}
	e.account.Spend(len(keys) * bits.Len(uint(len(keys))))
	slices.SortFunc(keys, func(a, b member) int { return strings.Compare(a.name, b.name) })
	e.out = append(e.out, '{')
	for i, k := range keys {
		if i > 0 {
			if k.name == keys[i-1].name {
				e.L.RaiseError("json.encode: a table has the key %q both as a number and as a string", k.name)
			}
			e.out = append(e.out, ',')
		}
		e.string(k.name)
		e.out = append(e.out, ':')
		e.value(k.value, depth+1)
	}
	e.out = append(e.out, '}')
}

// member is one of an object.
type member struct {
	name  string
	value lua.LValue
}

// keys returns the members of a table with other keys than 1 to n, and how many there are with these.
func (e *jsonEncoder) keys(t *lua.LTable, n int) (inside int, keys []member) {
	t.ForEach(func(k, v lua.LValue) {
		switch k := k.(type) {
		case lua.LString:
			keys = e.add(keys, string(k), v)
		case lua.LNumber:
			if i := int(k); lua.LNumber(i) == k && i >= 1 && i <= n {
				e.account.Spend(1)
				e.account.Give(16)
				e.account.Take(8) // k
				inside++
				return
			}
			keys = e.add(keys, k.String(), v)
		default:
			e.L.RaiseError("json.encode: a key that is a %s has no JSON", k.Type())
		}
	})
	return inside, keys
}

func (e *jsonEncoder) add(keys []member, name string, v lua.LValue) []member {
	const size = 32
	e.account.Spend(1)
	e.account.Give(size)
	if len(keys) == cap(keys) {
		e.account.Take(size * max(8, 2*cap(keys)))
		keys = append(make([]member, 0, max(8, 2*cap(keys))), keys...)
	}
	return append(keys, member{name, v})
}
