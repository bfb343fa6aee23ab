package lauxlib

import (
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// Where an error is raised gopher-lua closes the upvalues of all functions under way, also of those that go on behind a
// protected call: what they and their closures assign from then on the other does not see. So protected calls are made by
// Protect, in which it closes none, and what they call closes those of the functions that the error ends, by CloseAbove.

var keepsAt = offset(registerType, "hasErrorFunc")

// Frame is a function that is under way.
type Frame struct{ at unsafe.Pointer }

func current(L *lua.LState) *unsafe.Pointer {
	return (*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(L), currentFrameAt))
}

// Running is the running function's.
func Running(L *lua.LState) Frame { return Frame{*current(L)} }

// CloseAbove closes the upvalues of the functions that f has called. It is for a deferred function of f's, which panics.
func CloseAbove(L *lua.LState, f Frame) {
	running := current(L)
	raised := *running
	*running = f.at
	instructions[lua.OP_CLOSE](L, 0, f.at)
	*running = raised
}

// Overflow is what gopher-lua panics with at too many calls.
const Overflow = "lua callstack overflow"

// Protect is L.PCall of a function that sees to CloseAbove.
func Protect(L *lua.LState, nargs, nret int) error {
	if f := Running(L); f.at != nil && f.index()+1 >= L.Options.CallStackSize {
		panic(Overflow) // on a full stack gopher-lua loses eight frames with the error
	}
	keeps := (*bool)(unsafe.Add(unsafe.Pointer(L), keepsAt))
	before := *keeps
	*keeps = true
	err := L.PCall(nargs, nret, nil)
	*keeps = before
	return err
}

// PCall is L.PCall of any function, without a handler.
func PCall(L *lua.LState, nargs, nret int) error {
	L.Insert(closing, L.GetTop()-nargs)
	return Protect(L, nargs+1, nret)
}

// closing calls its first argument with the others.
var closing = Hidden(func(L *lua.LState) int {
	defer func(f Frame) {
		if r := recover(); r != nil {
			CloseAbove(L, f)
			panic(r)
		}
	}(Running(L))
	L.Call(L.GetTop()-1, lua.MultRet)
	return L.GetTop()
})
