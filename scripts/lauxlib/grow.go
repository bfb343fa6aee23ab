package lauxlib

import (
	"math"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// Growing is what the context of a state may be, to be asked before the array of a table grows by much: with an index of
// some millions one instruction fills that many places. Room raises an error where that is too much.
type Growing interface {
	// Room is called before an array gets room for so many values, of which so many are between those that are there
	// already and the one that is set.
	Room(L *lua.LState, values, between int)
}

func init() {
	set := instructions[lua.OP_SETTABLE]
	instructions[lua.OP_SETTABLE] = func(L *lua.LState, inst uint32, base unsafe.Pointer) int {
		r := registersOf(L)
		if n, ok := r.operand(argB(inst)).(lua.LNumber); ok && n > leastArray {
			t, ok := r.operand(argA(inst)).(*lua.LTable)
			if ok && n > lua.LNumber(cap(*tableArray(t))) && makeRoom(L, t, n, r.operand(argC(inst))) {
				return 0
			}
		}
		return set(L, inst, base)
	}
}

// leastArray is what gopher-lua makes an array with.
const leastArray = 32

// RawSet sets t[key], which is neither nil nor NaN, without metamethods.
func RawSet(L *lua.LState, t *lua.LTable, key, value lua.LValue) {
	if n, ok := key.(lua.LNumber); !ok || n <= leastArray || n <= lua.LNumber(cap(*tableArray(t))) || !grow(L, t, n, value) {
		t.RawSet(key, value)
	}
}

// Room makes room in the array of a table for its index n.
func Room(L *lua.LState, t *lua.LTable, n int) {
	if n > leastArray && n > cap(*tableArray(t)) {
		grow(L, t, lua.LNumber(n), lua.LTrue)
	}
}

// makeRoom is grow for an assignment, which a metamethod may take.
func makeRoom(L *lua.LState, t *lua.LTable, n lua.LNumber, value lua.LValue) (done bool) {
	return (t.Metatable == lua.LNil || L.GetMetaField(t, "__newindex") == lua.LNil) && grow(L, t, n, value)
}

// grow makes room in the array of a table for index n, which it has no room for, once the state was asked. It reports whether
// that is all: where there is no value, gopher-lua fills the places all the same.
func grow(L *lua.LState, t *lua.LTable, n lua.LNumber, value lua.LValue) (done bool) {
	if n >= lua.LNumber(lua.MaxArrayIndex) || n != lua.LNumber(math.Trunc(float64(n))) {
		return false // it is no index of an array
	}
	if value == lua.LNil {
		return true
	}
	array, index := *tableArray(t), int(n)
	room := max(index, cap(array)+cap(array)/4+192) // as append grows one
	if room < 1024 {
		room = max(index, 2*cap(array))
	}
	if g, ok := L.Context().(Growing); ok {
		g.Room(L, room, index-1-len(array))
	}
	grown := make([]lua.LValue, len(array), room)
	copy(grown, array)
	*tableArray(t) = grown
	return false
}
