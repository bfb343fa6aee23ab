package lauxlib

import (
	"context"
	"math"
	"reflect"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// What gopher-lua keeps to itself, and what has to be looked at for the memory that it takes. All of it is for those who
// see to it that no Lua code of the state runs meanwhile, or are called by it.

// field returns what finds a field of S, a type of gopher-lua, that is a T.
func field[S, T any](name string) func(*S) *T {
	f, ok := reflect.TypeFor[S]().FieldByName(name)
	if !ok || f.Type != reflect.TypeFor[T]() {
		panic("lauxlib: gopher-lua has changed: " + name)
	}
	return func(s *S) *T { return (*T)(unsafe.Add(unsafe.Pointer(s), f.Offset)) }
}

// offset is where a field of a type is.
func offset(t reflect.Type, name string) uintptr {
	f, ok := t.FieldByName(name)
	if !ok {
		panic("lauxlib: gopher-lua has changed: " + name)
	}
	return f.Offset
}

var (
	tableArray = field[lua.LTable, []lua.LValue]("array")
	tableKeys  = field[lua.LTable, []lua.LValue]("keys")
	tablePlace = field[lua.LTable, map[lua.LValue]int]("k2i") // in keys, of those that are no index of the array

	stringConstants = field[lua.FunctionProto, []string]("stringConstants")

	registerType  = reflect.TypeFor[lua.LState]()
	registerAt    = offset(registerType, "reg")
	registersAt   = offset(fieldType(registerType, "reg"), "array")
	registerTopAt = offset(fieldType(registerType, "reg"), "top")
	allocatorAt   = offset(registerType, "alloc")

	mainLoopAt = offset(registerType, "mainLoop")

	currentFrameAt   = offset(registerType, "currentFrame")
	frameLocalBaseAt = offset(fieldType(debugType, "frame"), "LocalBase")

	debugType     = reflect.TypeFor[lua.Debug]()
	frameAt       = offset(debugType, "frame")
	frameParentAt = offset(fieldType(debugType, "frame"), "Parent")
	frameTailAt   = offset(fieldType(debugType, "frame"), "TailCall")
	frameFnAt     = offset(fieldType(debugType, "frame"), "Fn")
	frameIdxAt    = offset(fieldType(debugType, "frame"), "Idx")
	framePcAt     = offset(fieldType(debugType, "frame"), "Pc")
)

func fieldType(t reflect.Type, name string) reflect.Type {
	f, _ := t.FieldByName(name)
	return f.Type.Elem()
}

// Slots returns how many slots the array of a table has, in use or not.
func Slots(t *lua.LTable) int { return cap(*tableArray(t)) }

// Keys returns the keys that a table has or had: the interpreter forgets none. It must not be changed.
func Keys(t *lua.LTable) []lua.LValue { return *tableKeys(t) }

// WasKey reports whether a table has or had an entry with a key: the interpreter keeps the keys of those that have no value any
// more, so that a loop may clear a table.
func WasKey(t *lua.LTable, key lua.LValue) bool {
	if n, ok := key.(lua.LNumber); ok && n == lua.LNumber(math.Trunc(float64(n))) && n > 0 && n < lua.LNumber(lua.MaxArrayIndex) {
		return int(n) <= len(*tableArray(t))
	}
	_, was := (*tablePlace(t))[key]
	return was
}

// SetStringConstants sets the list of constants as text, which gopher-lua keeps beside the constants and does not export.
func SetStringConstants(p *lua.FunctionProto, constants []string) { *stringConstants(p) = constants }

// Forget makes the table forget the keys that it has no more, but those that are kept, with which a loop may go on.
func Forget(t *lua.LTable, kept map[lua.LValue]struct{}) {
	fresh := &lua.LTable{Metatable: t.Metatable}
	for _, key := range Keys(t) {
		v := t.RawGetH(key)
		if _, held := kept[key]; v == lua.LNil && held {
			fresh.RawSetH(key, lua.LTrue) // which makes room for it
		}
		if _, held := kept[key]; v != lua.LNil || held {
			fresh.RawSetH(key, v)
		}
	}
	*tableArray(fresh) = *tableArray(t)
	*t = *fresh
}

// Registers returns how many registers a thread has room for; it never gives any back.
func Registers(th *lua.LState) int {
	return cap(Held(th))
}

// Held returns the registers of a thread, those included that are not in use and still hold what they held; nil once it has
// ended. It must not be changed.
func Held(th *lua.LState) []lua.LValue {
	reg := *(*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(th), registerAt))
	if reg == nil {
		return nil
	}
	return *(*[]lua.LValue)(unsafe.Add(reg, registersAt))
}

// Push4 is L.Push for each of four values, in one.
func Push4(L *lua.LState, a, b, c, d lua.LValue) {
	reg := *(*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(L), registerAt))
	top := (*int)(unsafe.Add(reg, registerTopAt))
	array := *(*[]lua.LValue)(unsafe.Add(reg, registersAt))
	n := *top
	if n+4 > len(array) {
		L.Push(a)
		L.Push(b)
		L.Push(c)
		L.Push(d)
		return
	}
	*top = n + 4
	to := (*[4]lua.LValue)(array[n:])
	to[0], to[1], to[2], to[3] = a, b, c, d
}

// Pop takes the topmost value off the stack of L, on which there must be one that belongs to the caller.
func Pop(L *lua.LState) lua.LValue {
	reg := *(*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(L), registerAt))
	top := (*int)(unsafe.Add(reg, registerTopAt))
	array := *(*[]lua.LValue)(unsafe.Add(reg, registersAt))
	*top--
	v := array[*top]
	array[*top] = nil
	return v
}

// mainLoop is what runs the code of L.
func mainLoop(L *lua.LState) *func(L *lua.LState, base unsafe.Pointer) {
	return (*func(*lua.LState, unsafe.Pointer))(unsafe.Add(unsafe.Pointer(L), mainLoopAt))
}

// WithoutContext calls do while L has no context: a thread that is made meanwhile gets none of its own.
func WithoutContext(L *lua.LState, do func()) {
	loop := mainLoop(L)
	run := *loop
	defer func(ctx context.Context) {
		L.SetContext(ctx)
		*loop = run
	}(L.RemoveContext())
	do()
}

// OnPanic hands what leaves Lua code of L as a panic to raised, while the levels of its stack are still there, and panics with what
// that returns. It does so for the code that Go code enters next when entering is set, which then is cleared. A later SetContext of L
// ends it.
func OnPanic(L *lua.LState, entering *bool, raised func(L *lua.LState, panicked any) any) {
	loop := mainLoop(L)
	run := *loop
	*loop = func(L *lua.LState, base unsafe.Pointer) {
		if *entering {
			*entering = false
			defer func() {
				if r := recover(); r != nil {
					panic(raised(L, r))
				}
			}()
		}
		run(L, base)
	}
}

// frameOf is the frame of a level of the stack.
func frameOf(debug *lua.Debug) Frame {
	return Frame{*(*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(debug), frameAt))}
}

// index is the number of frames below f.
func (f Frame) index() int { return *(*int)(unsafe.Add(f.at, frameIdxAt)) }

// parent is the frame that has called f; its at is nil where there is none.
func (f Frame) parent() Frame { return Frame{*(*unsafe.Pointer)(unsafe.Add(f.at, frameParentAt))} }

func (f Frame) function() *lua.LFunction { return *(**lua.LFunction)(unsafe.Add(f.at, frameFnAt)) }

// pc is the index of the instruction that is at it, of Lua code.
func (f Frame) pc() int { return *(*int)(unsafe.Add(f.at, framePcAt)) - 1 }

// tails is how many tail calls have taken the place of f's.
func (f Frame) tails() *int { return (*int)(unsafe.Add(f.at, frameTailAt)) }

// maxTails is how many tail calls a level of the stack remembers. More are no help to anybody who reads a traceback, and the
// interpreter writes a line for each before it shortens it.
const maxTails = 16

// ForgetTails makes the levels of a thread's stack forget all but a few of their tail calls.
func ForgetTails(th *lua.LState) {
	debug, ok := th.GetStack(0)
	if !ok {
		return
	}
	for f := frameOf(debug); f.at != nil; f = f.parent() {
		tails := f.tails()
		*tails = min(*tails, maxTails)
	}
}

// CanYield reports whether the running function of a thread can yield: neither a function in Go nor an instruction that has
// called a metamethod or an iterator waits for it, of which gopher-lua would lose the rest.
func CanYield(th *lua.LState) bool {
	debug, ok := th.GetStack(0)
	if !ok || th.Parent == nil {
		return false
	}
	for f := frameOf(debug).parent(); f.at != nil; f = f.parent() {
		fn := f.function()
		if fn.IsG {
			return false
		}
		if op := opcode(fn.Proto.Code[f.pc()]); op != lua.OP_CALL && op != lua.OP_TAILCALL {
			return false
		}
	}
	return true
}
