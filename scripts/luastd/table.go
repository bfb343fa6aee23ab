package luastd

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
)

// rawGetInt is RawGetInt of gopher-lua for every index: what is no part of the array is found, too.
func rawGetInt(t *lua.LTable, i int) lua.LValue {
	if i > 0 && i < lua.MaxArrayIndex {
		return t.RawGetInt(i)
	}
	return t.RawGet(lua.LNumber(i))
}

func getN(L *lua.LState) int {
	L.Push(lua.LNumber(lauxlib.CheckTable(L, 1).Len()))
	return 1
}

func setN(L *lua.LState) int {
	lauxlib.CheckTable(L, 1)
	lauxlib.Errorf(L, "'setn' is obsolete")
	return 0
}

func (l *library) maxN(L *lua.LState) int {
	largest := 0.0
	n := 0
	lauxlib.CheckTable(L, 1).ForEach(func(k, _ lua.LValue) {
		if f, ok := k.(lua.LNumber); ok {
			largest = max(largest, float64(f))
		}
		n++
	})
	l.Spend(L, "table.maxn", n)
	L.Push(lua.LNumber(largest))
	return 1
}

func (l *library) insert(L *lua.LState) int {
	t := lauxlib.CheckTable(L, 1)
	end := t.Len() + 1
	pos := end
	switch L.GetTop() {
	case 2:
	case 3:
		pos = lauxlib.CheckInt(L, 2)
	default:
		lauxlib.Errorf(L, "wrong number of arguments to 'insert'")
	}
	v := L.Get(L.GetTop())
	if pos >= 1 && pos < end {
		l.Spend(L, "table.insert", (end-pos)>>4)
		lauxlib.Room(L, t, end)
		t.Insert(pos, v)
		return 0
	}
	for i := end; i > pos; i-- { // into places before the first
		l.Spend(L, "table.insert", 1)
		l.Waste(24)
		t.RawSet(lua.LNumber(i), rawGetInt(t, i-1))
	}
	lauxlib.RawSet(L, t, lua.LNumber(pos), v)
	return 0
}

func (l *library) remove(L *lua.LState) int {
	t := lauxlib.CheckTable(L, 1)
	end := t.Len()
	pos := lauxlib.OptInt(L, 2, end)
	if pos < 1 || pos > end {
		return 0
	}
	l.Spend(L, "table.remove", (end-pos)>>4)
	L.Push(t.Remove(pos))
	return 1
}

// forEach is table.foreach.
func (l *library) forEach(L *lua.LState) int {
	t, f := lauxlib.CheckTable(L, 1), lauxlib.CheckFunction(L, 2)
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		if l.visit(L, f, k, v) {
			return 1
		}
	}
	return 0
}

// forEachIndex is table.foreachi.
func (l *library) forEachIndex(L *lua.LState) int {
	t, n := lauxlib.CheckTable(L, 1), lauxlib.CheckTable(L, 1).Len()
	f := lauxlib.CheckFunction(L, 2)
	for i := 1; i <= n; i++ {
		if l.visit(L, f, lua.LNumber(i), rawGetInt(t, i)) {
			return 1
		}
	}
	return 0
}

// visit calls f and reports whether it returned anything but nil, which is on the stack then.
func (l *library) visit(L *lua.LState, f *lua.LFunction, k, v lua.LValue) bool {
	l.Spend(L, "table.foreach", 1)
	L.Push(f)
	L.Push(k)
	L.Push(v)
	L.Call(2, 1)
	if L.Get(-1) == lua.LNil {
		L.Pop(1)
		return false
	}
	return true
}
