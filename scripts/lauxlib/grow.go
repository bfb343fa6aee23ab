package lauxlib

import (
	"math"
	"reflect"
	"runtime"
	"strings"
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

// instructions are what gopher-lua's virtual machine calls for each instruction, by its operation.
//
//go:linkname instructions github.com/yuin/gopher-lua.jumpTable
var instructions [lua.OP_NOP + 1]func(L *lua.LState, inst uint32, base unsafe.Pointer) int

func init() {
	set := instructions[lua.OP_SETTABLE]
	if f := runtime.FuncForPC(reflect.ValueOf(set).Pointer()); !strings.HasPrefix(f.Name(), "github.com/yuin/gopher-lua.init") {
		panic("lauxlib: gopher-lua has changed: jumpTable")
	}
	instructions[lua.OP_SETTABLE] = func(L *lua.LState, inst uint32, base unsafe.Pointer) int {
		reg := *(*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(L), registerAt))
		values := *(*[]lua.LValue)(unsafe.Add(reg, registersAt))
		frame := *(*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(L), currentFrameAt))
		local := *(*int)(unsafe.Add(frame, frameLocalBaseAt))
		operand := func(n uint32) lua.LValue {
			const constant = 1 << 8
			if n&constant != 0 {
				return (*(**lua.LFunction)(unsafe.Add(frame, frameFnAt))).Proto.Constants[n&^constant]
			}
			return values[local+int(n)]
		}
		if n, ok := operand(inst & 0x1ff).(lua.LNumber); ok && n > leastArray {
			t, ok := values[local+int(inst>>18&0xff)].(*lua.LTable)
			if ok && n > lua.LNumber(cap(*tableArray(t))) && makeRoom(L, t, n, operand(inst>>9&0x1ff)) {
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
