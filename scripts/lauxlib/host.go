package lauxlib

import (
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// Host is the chunk name of Lua code that belongs to the host. Like a function in Go it is no place in a script.
const Host = "[ws76]"

// ofHost reports whether a function is no level of the stack.
func ofHost(f *lua.LFunction) bool {
	if f.IsG {
		return f.Env == hidden
	}
	return f.Proto.SourceName == Host
}

// Hidden makes a function of the host's that is no level of the stack.
func Hidden(f lua.LGFunction) *lua.LFunction {
	return &lua.LFunction{IsG: true, GFunction: f, Env: hidden}
}

// InProtected says of the function of a thread that it is there for a protected call: the stack goes on behind it with that
// of the function that has resumed the thread. The function must use no globals.
func InProtected(f *lua.LFunction) { f.Env = protected }

// Environments that mark a function.
var hidden, protected = &lua.LTable{}, &lua.LTable{}

// What the host writes in Lua is a function of C in Lua, which no tail call makes: whoever calls it stays on the stack.
func init() {
	tail := instructions[lua.OP_TAILCALL]
	instructions[lua.OP_TAILCALL] = func(L *lua.LState, inst uint32, base unsafe.Pointer) int {
		r := registersOf(L)
		f, ok := r.own[argA(inst)].(*lua.LFunction)
		if ok && !f.IsG && ofHost(f) && !ofHost(Running(L).function()) {
			return instructions[lua.OP_CALL](L, inst, base) // all its results, which the next instruction returns
		}
		return tail(L, inst, base)
	}
}
