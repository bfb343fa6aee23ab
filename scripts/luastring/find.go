package luastring

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
)

func hasSpecials(p string) bool {
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '^', '$', '*', '+', '?', '.', '(', '[', '%', '-':
			return true
		}
	}
	return false
}

// push pushes capture l, of the whole match [s, e) if there is none.
func (m *matcher) push(l, s, e int) {
	m.state.Push(m.value(l, s, e))
}

func (m *matcher) value(l, s, e int) lua.LValue {
	if l >= m.level {
		if l != 0 {
			m.fail("invalid capture index")
		}
		return lua.LString(part(m.subject, s, e))
	}
	switch c := m.captures[l]; c.length {
	case unfinished:
		m.fail("unfinished capture")
		return lua.LNil
	case position:
		return number(c.start + 1)
	default:
		return lua.LString(part(m.subject, c.start, c.start+c.length))
	}
}

// pushAll pushes every capture, or the whole match where there is none, and returns how many.
func (m *matcher) pushAll(s, e int) int {
	n := max(m.level, 1)
	m.budget.Waste(32 * n)
	for l := range n {
		m.push(l, s, e)
	}
	return n
}

func (b *Budget) find(L *lua.LState) int  { return b.search(L, "string.find", true) }
func (b *Budget) match(L *lua.LState) int { return b.search(L, "string.match", false) }

func (b *Budget) search(L *lua.LState, what string, find bool) int {
	s, p := lauxlib.CheckString(L, 1), lauxlib.CheckString(L, 2)
	init := lauxlib.OptInteger(L, 3, 1)
	if init < 0 {
		init += len(s) + 1
	}
	init = min(max(init-1, 0), len(s))
	if find && (lua.LVAsBool(L.Get(4)) || !hasSpecials(p)) {
		b.Spend(L, what, (len(s)-init)>>4)
		i := strings.Index(s[init:], p)
		if i < 0 {
			L.Push(lua.LNil)
			return 1
		}
		L.Push(number(init + i + 1))
		L.Push(number(init + i + len(p)))
		return 2
	}
	return b.searchPattern(L, s, p, what, init, find)
}

// searchPattern is apart so that a plain search need not make room for a matcher.
//
//go:noinline
func (b *Budget) searchPattern(L *lua.LState, s, p, what string, init int, find bool) int {
	m := matcher{state: L, budget: b, what: what, subject: s, pattern: p}
	at, end := m.scan(init)
	if end == none {
		L.Push(lua.LNil)
		return 1
	}
	if !find {
		return m.pushAll(at, end)
	}
	L.Push(number(at + 1))
	L.Push(number(end))
	if m.level == 0 {
		return 2
	}
	return m.pushAll(at, end) + 2
}

// scan looks for the first match at s or behind it. "^" ties it to s.
func (m *matcher) scan(s int) (at, end int) {
	if strings.HasPrefix(m.pattern, "^") {
		m.reset()
		return s, m.match(s, 1)
	}
	return m.first(s)
}

// first is scan for a pattern in which "^" means nothing.
func (m *matcher) first(s int) (at, end int) {
	head, literal := m.head()
	for ; s <= len(m.subject); s++ {
		if literal { // go straight to where the first character is
			i := strings.IndexByte(m.subject[s:], head)
			if i < 0 {
				m.budget.Spend(m.state, m.what, (len(m.subject)-s)>>4)
				return s, none
			}
			m.budget.Spend(m.state, m.what, i>>4)
			s += i
		}
		m.reset()
		if e := m.match(s, 0); e != none {
			return s, e
		}
	}
	return s, none
}

// head reports whether every match begins with a certain character.
func (m *matcher) head() (c byte, literal bool) {
	p := m.pattern
	if len(p) == 0 || strings.IndexByte("$.([%)", p[0]) >= 0 {
		return 0, false
	}
	if len(p) > 1 && strings.IndexByte("*?-", p[1]) >= 0 {
		return 0, false
	}
	return p[0], true
}

// gmatch is string.gmatch: an iterator that looks for one match at a time.
func (b *Budget) gmatch(L *lua.LState) int {
	s, p := lauxlib.CheckString(L, 1), lauxlib.CheckString(L, 2)
	at := 0
	L.Push(L.NewClosure(func(L *lua.LState) int {
		if at > len(s) {
			return 0
		}
		m := matcher{state: L, budget: b, what: "string.gmatch", subject: s, pattern: p}
		from, end := m.first(at)
		if end == none {
			at = len(s) + 1
			return 0
		}
		if at = end; end == from {
			at++
		}
		return m.pushAll(from, end)
	}, L.Get(1))) // so that who weighs what a script keeps finds it
	return 1
}
