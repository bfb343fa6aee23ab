package luastd

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
)

// sorter is table.sort: the quicksort of Lua's ltablib.c, step by step, so that what is equal comes out in the same order and a
// comparison that contradicts itself is found out at the same place.
type sorter struct {
	*library
	L    *lua.LState
	t    *lua.LTable
	less *lua.LFunction // nil: "<"
}

func (l *library) sort(L *lua.LState) int {
	s := sorter{library: l, L: L, t: lauxlib.CheckTable(L, 1)}
	if L.Get(2) != lua.LNil {
		s.less = lauxlib.CheckFunction(L, 2)
	}
	s.sort(1, s.t.Len())
	return 0
}

func (s *sorter) get(i int) lua.LValue { return rawGetInt(s.t, i) }

func (s *sorter) swap(i, j int) {
	a, b := s.get(i), s.get(j)
	s.t.RawSetInt(i, b)
	s.t.RawSetInt(j, a)
}

// order swaps the values at i and j where the second is the lesser.
func (s *sorter) order(i, j int) bool {
	if s.lessThan(s.get(j), s.get(i)) {
		s.swap(i, j)
		return true
	}
	return false
}

func (s *sorter) sort(l, u int) {
	for l < u {
		s.order(l, u)
		if u-l == 1 {
			return
		}
		i := (l + u) / 2
		if !s.order(l, i) {
			s.order(i, u)
		}
		if u-l == 2 {
			return
		}
		pivot := s.get(i)
		s.swap(i, u-1)
		i = s.partition(l, u, pivot)
		s.swap(u-1, i)
		// The smaller half by recursion.
		if i-l < u-i {
			s.sort(l, i-1)
			l = i + 1
		} else {
			s.sort(i+1, u)
			u = i - 1
		}
	}
}

// partition moves what is less than the pivot, at u-1, to the left, and returns where the right part begins.
func (s *sorter) partition(l, u int, pivot lua.LValue) int {
	i, j := l, u-1
	for {
		for i++; s.lessThan(s.get(i), pivot); i++ {
			if i > u {
				lauxlib.Errorf(s.L, "invalid order function for sorting")
			}
		}
		for j--; s.lessThan(pivot, s.get(j)); j-- {
			if j < l {
				lauxlib.Errorf(s.L, "invalid order function for sorting")
			}
		}
		if j < i {
			return i
		}
		s.swap(i, j)
	}
}

func (s *sorter) lessThan(a, b lua.LValue) bool {
	steps := 1
	if x, ok := a.(lua.LString); ok && s.less == nil {
		if y, ok := b.(lua.LString); ok {
			steps += min(len(x), len(y)) >> 8 // which a processor compares in the time of a step
		}
	}
	s.Spend(s.L, "table.sort", steps)
	if s.less == nil {
		return lessThan(s.L, a, b)
	}
	L := s.L
	L.Push(s.less)
	L.Push(a)
	L.Push(b)
	L.Call(2, 1)
	v := lua.LVAsBool(L.Get(-1))
	L.Pop(1)
	return v
}

// lessThan is "<" within the library, whose errors have no place.
func lessThan(L *lua.LState, a, b lua.LValue) bool {
	switch x := a.(type) {
	case lua.LNumber:
		if y, ok := b.(lua.LNumber); ok {
			return x < y
		}
	case lua.LString:
		if y, ok := b.(lua.LString); ok {
			return x < y
		}
	default:
		if f := L.GetMetaField(a, "__lt"); a.Type() == b.Type() && f != lua.LNil && f == L.GetMetaField(b, "__lt") {
			return L.LessThan(a, b)
		}
	}
	L.Error(lua.LString(compareError(a.Type().String(), b.Type().String())), 0)
	return false
}

func compareError(a, b string) string {
	if a == b {
		return "attempt to compare two " + a + " values"
	}
	return "attempt to compare " + a + " with " + b
}
