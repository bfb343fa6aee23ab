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
	account := b.Account(L, what, len(s))
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
				out = account.Grow(nil, min(len(s), 4096)+64)
			}
			before := len(out)
			out = append(account.Grow(out, at-kept), s[kept:at]...)
			var changed bool
			if out, changed = m.replace(&account, out, repl, at, end); changed {
				kept = end
			} else {
				out = out[:before]
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
		L.Push(account.String(append(account.Grow(out, len(s)-kept), s[kept:]...)))
	}
	L.Push(number(n))
	return 2
}

// replace appends what stands for the match [s, e). It reports whether that is anything but the match itself.
func (m *matcher) replace(a *Account, out []byte, repl lua.LValue, s, e int) ([]byte, bool) {
	L := m.state
	var v lua.LValue
	switch r := repl.(type) {
	case lua.LString:
		return m.expand(a, out, string(r), s, e), true
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
		a.Text(len(v))
		return a.add(out, string(v)), true
	case lua.LNumber:
		return a.add(out, lauxlib.FormatNumber(float64(v))), true
	default:
		if lua.LVAsBool(v) {
			lauxlib.Errorf(L, "invalid replacement value (a %s)", v.Type().String())
		}
		return out, false
	}
}

// expand appends a replacement with its %0 to %9.
func (m *matcher) expand(a *Account, out []byte, repl string, s, e int) []byte {
	for {
		i := strings.IndexByte(repl, '%')
		if i < 0 {
			return a.add(out, repl)
		}
		out = a.add(out, repl[:i])
		if i+1 == len(repl) {
			return a.add(out, "\x00") // Lua 5.1 takes the end of the C string for the character that is missing
		}
		switch c := repl[i+1]; {
		case c == '0':
			out = a.add(out, m.subject[s:e])
		case c >= '1' && c <= '9':
			out = a.add(out, m.value(int(c-'1'), s, e).String())
		default:
			out = a.add(out, repl[i+1:i+2])
		}
		repl = repl[i+2:]
	}
}

// add appends a piece.
func (a *Account) add(out []byte, piece string) []byte {
	if cap(out)-len(out) < len(piece) {
		out = a.Grow(out, len(piece))
	}
	return append(out, piece...)
}
