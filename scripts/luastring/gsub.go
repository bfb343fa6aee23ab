package luastring

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
)

// gsub is string.gsub.
func (b *Budget) gsub(L *lua.LState) int {
	const what = "string.gsub"
	s, p := lauxlib.CheckString(L, 1), lauxlib.CheckString(L, 2)
	repl := L.Get(3)
	switch v := repl.(type) {
	case lua.LString, *lua.LFunction, *lua.LTable:
	case lua.LNumber:
		repl = lua.LString(lauxlib.FormatNumber(float64(v)))
	default:
		lauxlib.ArgError(L, 3, "string/function/table expected")
	}
	limit := lauxlib.OptInt(L, 4, len(s)+1)

	m := matcher{state: L, budget: b, what: what, subject: s, pattern: p}
	begin, head, literal := 0, byte(0), false
	anchored := strings.HasPrefix(p, "^")
	if anchored {
		begin = 1
	} else {
		head, literal = m.head()
	}
	// out holds what goes before s[kept:]; nothing is copied before the first change.
	var out []byte
	kept, at, n := 0, 0, 0
	for n < limit {
		if literal {
			i := strings.IndexByte(s[at:], head)
			if i < 0 {
				b.Spend(L, what, (len(s)-at)>>4)
				break
			}
			b.Spend(L, what, i>>4)
			at += i
		}
		m.reset()
		end := m.match(at, begin)
		if end != none {
			n++
			if out == nil {
				out = make([]byte, 0, min(len(s), 4096)+64)
			}
			before := len(out)
			out = append(out, s[kept:at]...)
			var changed bool
			if out, changed = m.replace(out, repl, at, end); changed {
				kept = end
			} else {
				out = out[:before]
			}
			if len(out)+len(s)-kept > b.Largest() {
				b.Size(L, what, len(out)+len(s)-kept)
			}
		}
		if end > at {
			at = end
		} else if at++; at > len(s) {
			break
		}
		if anchored {
			break
		}
	}
	if out == nil {
		L.Push(lua.LString(s))
	} else {
		b.Size(L, what, len(out)+len(s)-kept)
		L.Push(lua.LString(append(out, s[kept:]...)))
	}
	L.Push(number(n))
	return 2
}

// replace appends what stands for the match [s, e). It reports whether that is anything but the match itself.
func (m *matcher) replace(out []byte, repl lua.LValue, s, e int) ([]byte, bool) {
	L := m.state
	var v lua.LValue
	switch r := repl.(type) {
	case lua.LString:
		return m.expand(out, string(r), s, e), true
	case *lua.LFunction:
		L.Push(r)
		L.Call(m.pushAll(s, e), 1)
		v = L.Get(-1)
		L.Pop(1)
	case *lua.LTable:
		v = L.GetTable(r, m.value(0, s, e))
	}
	switch v := v.(type) {
	case lua.LString:
		return m.add(out, string(v)), true
	case lua.LNumber:
		return append(out, lauxlib.FormatNumber(float64(v))...), true
	default:
		if lua.LVAsBool(v) {
			lauxlib.Errorf(L, "invalid replacement value (a %s)", v.Type().String())
		}
		return out, false
	}
}

// expand appends a replacement with its %0 to %9.
func (m *matcher) expand(out []byte, repl string, s, e int) []byte {
	for {
		i := strings.IndexByte(repl, '%')
		if i < 0 {
			return m.add(out, repl)
		}
		out = m.add(out, repl[:i])
		if i+1 == len(repl) {
			return append(out, 0) // Lua 5.1 takes the end of the C string for the character that is missing
		}
		switch c := repl[i+1]; {
		case c == '0':
			out = m.add(out, m.subject[s:e])
		case c >= '1' && c <= '9':
			out = m.add(out, m.value(int(c-'1'), s, e).String())
		default:
			out = append(out, c)
		}
		repl = repl[i+2:]
	}
}

// add appends a piece that may be long.
func (m *matcher) add(out []byte, piece string) []byte {
	if len(piece) > 64 || cap(out)-len(out) < len(piece) {
		m.budget.Size(m.state, m.what, len(out)+len(piece))
	}
	return append(out, piece...)
}
