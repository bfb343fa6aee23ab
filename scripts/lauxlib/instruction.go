package lauxlib

import (
	"reflect"
	"runtime"
	"strings"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// instructions are what gopher-lua's virtual machine calls for each instruction, by its operation.
//
//go:linkname instructions github.com/yuin/gopher-lua.jumpTable
var instructions [lua.OP_NOP + 1]func(L *lua.LState, inst uint32, base unsafe.Pointer) int

// newNumber makes a value of a number, as instructions do. Of -0 it makes 0.
//
//go:linkname newNumber github.com/yuin/gopher-lua.(*allocator).LNumber2I
func newNumber(allocator unsafe.Pointer, n lua.LNumber) lua.LValue

func init() {
	f := runtime.FuncForPC(reflect.ValueOf(instructions[lua.OP_NOP]).Pointer())
	if !strings.HasPrefix(f.Name(), "github.com/yuin/gopher-lua.init") {
		panic("lauxlib: gopher-lua has changed: jumpTable")
	}
}

// registers are those that the running Lua function works on.
type registers struct {
	stack unsafe.Pointer // of all functions of the thread
	frame unsafe.Pointer
	own   []lua.LValue
}

func registersOf(L *lua.LState) registers {
	stack := *(*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(L), registerAt))
	frame := *(*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(L), currentFrameAt))
	first := *(*int)(unsafe.Add(frame, frameLocalBaseAt))
	return registers{stack, frame, (*(*[]lua.LValue)(unsafe.Add(stack, registersAt)))[first:]}
}

// operand is the value of an operand: a register's, or a constant.
func (r registers) operand(n int) lua.LValue {
	if n&constant != 0 {
		return (*(**lua.LFunction)(unsafe.Add(r.frame, frameFnAt))).Proto.Constants[n&^constant]
	}
	return r.own[n]
}

// set sets a register.
func (r registers) set(n int, v lua.LValue) {
	r.own[n] = v
	top := (*int)(unsafe.Add(r.stack, registerTopAt))
	*top = max(*top, *(*int)(unsafe.Add(r.frame, frameLocalBaseAt))+n+1)
}

// Arithmetic makes an instruction for two operands compute with numbers, and call a function for all else. It is for func init.
func Arithmetic(operation int, compute func(a, b float64) float64, other *lua.LFunction) {
	instructions[operation] = func(L *lua.LState, inst uint32, _ unsafe.Pointer) int {
		r := registersOf(L)
		left, right := r.operand(argB(inst)), r.operand(argC(inst))
		if a, ok := left.(lua.LNumber); ok {
			if b, ok := right.(lua.LNumber); ok {
				n := lua.LNumber(compute(float64(a), float64(b)))
				if n == 0 {
					r.set(argA(inst), n)
				} else {
					r.set(argA(inst), newNumber(*(*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(L), allocatorAt)), n))
				}
				return 0
			}
		}
		L.Push(other)
		L.Push(left)
		L.Push(right)
		L.Call(2, 1)
		v := L.Get(-1)
		L.Pop(1)
		registersOf(L).set(argA(inst), v) // they may be elsewhere now
		return 0
	}
}
