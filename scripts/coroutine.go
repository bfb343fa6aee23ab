package scripts

import (
	_ "embed"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
	"github.com/ws76/ws76/scripts/luacode"
)

// Coroutines, and the functions of prelude.lua, through which code may wait.

//go:embed prelude.lua
var preludeSource []byte

var preludeCode = sync.OnceValues(func() (*lua.FunctionProto, error) { return luacode.Compile(preludeSource, preludeName) })

// prelude is what prelude.lua has made.
type prelude struct {
	token   lua.LValue     // that a wait yields
	idle    lua.LValue     // that run yields
	run     *lua.LFunction // calls what it is given, then what it is resumed with, again and again
	wrap    lua.LValue     // makes a Lua function of one that may wait
	through *lua.LFunction // calls its first argument with the others

	thread, threadWrap lua.LValue // coroutine.create and coroutine.wrap, of a function
	coResume, coYield  lua.LValue // coroutine.resume and coroutine.yield
}

// openPrelude puts prelude.lua's functions in the place of those that break yields.
func (st *state) openPrelude() error {
	L, globals := st.L, st.L.G.Global
	code, err := preludeCode()
	if err != nil {
		return err
	}
	st.prelude = prelude{token: L.NewUserData(), idle: L.NewUserData()}
	L.Push(L.NewFunctionFromProto(code))
	for _, f := range []lua.LGFunction{st.rawCreate, st.createProtected, st.coResume} {
		L.Push(L.NewFunction(f))
	}
	L.Push(sharedYield)
	L.Push(st.prelude.token)
	L.Push(st.prelude.idle)
	L.Push(L.NewFunction(func(L *lua.LState) int { L.Push(lua.LBool(L == st.L || L.GetTop() == 0)); return 1 }))
	L.Push(L.NewFunction(func(L *lua.LState) int { L.Push(lua.LBool(L == st.L || L.GetTop() < 2)); return 1 }))
	for _, f := range rawFunctions {
		L.Push(f)
	}
	L.Call(8+len(rawFunctions), 9)
	st.prelude.wrap = L.Get(-9)
	globals.RawSetString("pcall", L.Get(-8))
	globals.RawSetString("xpcall", L.Get(-7))
	st.prelude.threadWrap = L.Get(-6)
	st.prelude.thread = L.Get(-5)
	st.prelude.coResume, st.prelude.coYield = L.Get(-4), L.Get(-3)
	st.prelude.run = L.Get(-2).(*lua.LFunction)
	st.prelude.through = L.Get(-1).(*lua.LFunction)
	L.Pop(9)
	return nil
}

// rawFunctions are what prelude.lua gets, behind what belongs to a state: dead, id, pcall, xpcall, handle, arm and rethrow.
var rawFunctions = func() []*lua.LFunction {
	var fs []*lua.LFunction
	for _, f := range []lua.LGFunction{
		func(L *lua.LState) int { L.Push(lua.LBool(L.Get(1).(*lua.LState).Dead)); return 1 },
		func(L *lua.LState) int { return L.GetTop() },
		func(L *lua.LState) int { lauxlib.CheckAny(L, 1); n, _ := protect(L, lua.LNil); return n },
		xpcall,
		handle,
		func(L *lua.LState) int { luacode.Arm(L, L.Get(1)); return 0 },
		rethrow,
	} {
		fs = append(fs, &lua.LFunction{IsG: true, GFunction: f})
	}
	return fs
}()

var sharedYield = &lua.LFunction{IsG: true, GFunction: coYield}

// interpreter are gopher-lua's own functions of coroutines, of which some are the base of ours. They need nothing of a state.
var interpreter = sync.OnceValue(func() *lua.LTable {
	L := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer L.Close()
	lua.OpenCoroutine(L)
	return L.Get(-1).(*lua.LTable)
})

// interpreters returns one of these.
func interpreters(name string) lua.LGFunction {
	return interpreter().RawGetString(name).(*lua.LFunction).GFunction
}

// fillCoroutine fills the table coroutine.
func (st *state) fillCoroutine(co *lua.LTable) {
	st.L.SetFuncs(co, map[string]lua.LGFunction{
		"create": st.coCreate, "wrap": st.coWrap, "status": st.coStatus, "running": interpreters("running"),
	})
	co.RawSetString("resume", st.prelude.coResume)
	co.RawSetString("yield", st.prelude.coYield)
}

// armed calls its second argument with the others, so that errors read as in Lua and go through its first, unless that is nil.
var armed = lauxlib.Hidden(func(L *lua.LState) int {
	defer luacode.Caught(L, lauxlib.Running(L))
	luacode.Arm(L, L.Get(1))
	L.Call(L.GetTop()-2, lua.MultRet)
	return L.GetTop() - 1
})

// protect calls argument 1 with the others, has its errors go through handler unless that is nil, and returns what pcall
// does, and the error.
func protect(L *lua.LState, handler lua.LValue) (int, error) {
	L.Insert(armed, 1)
	L.Insert(handler, 2)
	if err := lauxlib.Protect(L, L.GetTop()-1, lua.MultRet); err != nil {
		L.Push(lua.LFalse)
		L.Push(lauxlib.ErrorValue(err))
		return 2, err
	}
	L.Insert(lua.LTrue, 1)
	return L.GetTop(), nil
}

// xpcall is Lua's, outside of tasks and coroutines.
func xpcall(L *lua.LState) int {
	lauxlib.CheckAny(L, 2)
	handler := L.Get(2)
	if handler == lua.LNil {
		handler = lua.LFalse // which fails as a handler
	}
	L.SetTop(1)
	n, err := protect(L, handler)
	if luacode.Overflowed(err) {
		L.Replace(1, handler)
		return handle(L)
	}
	return n
}

// handle returns what xpcall does for an error, argument 2, that its handler, argument 1, has not seen.
func handle(L *lua.LState) int {
	_, err := protect(L, lua.LNil)
	L.SetTop(2)
	L.Replace(1, lua.LFalse)
	if err != nil {
		L.Replace(2, lua.LString(luacode.ErrorInHandler))
	}
	return 2
}

// rethrow raises the error of a coroutine in the function that has resumed it, which
// is named in front, as coroutine.wrap does.
func rethrow(L *lua.LState) int {
	v := L.Get(1)
	if text, ok := lauxlib.ToString(v); ok {
		v = lua.LString(lauxlib.Where(L, 1) + text)
	}
	L.Error(v, 0)
	return 0
}

// coCreate is coroutine.create.
func (st *state) coCreate(L *lua.LState) int { return byPrelude(L, st.prelude.thread) }

// coWrap is coroutine.wrap.
func (st *state) coWrap(L *lua.LState) int { return byPrelude(L, st.prelude.threadWrap) }

// byPrelude calls a function of the prelude with argument 1, a function of Lua code.
func byPrelude(L *lua.LState, fn lua.LValue) int {
	f, ok := L.Get(1).(*lua.LFunction)
	if !ok || f.IsG {
		lauxlib.ArgError(L, 1, "Lua function expected")
	}
	L.Push(fn)
	L.Push(f)
	L.Call(1, 1)
	return 1
}

// coYield is coroutine.yield.
func coYield(L *lua.LState) int {
	if !lauxlib.CanYield(L) {
		L.Error(lua.LString("attempt to yield across metamethod/C-call boundary"), 0)
	}
	return -1
}

// checkCoroutine is argument 1 of one of coroutine's functions.
func checkCoroutine(L *lua.LState) *lua.LState {
	th, ok := L.Get(1).(*lua.LState)
	if !ok {
		lauxlib.ArgError(L, 1, "coroutine expected")
	}
	return th
}

var createThread, resumeThread = interpreters("create"), interpreters("resume")

// rawCreate makes a thread, without a context for each.
func (st *state) rawCreate(L *lua.LState) (n int) {
	lauxlib.WithoutContext(L, func() { n = createThread(L) })
	L.Get(-1).(*lua.LState).SetContext(st.guard)
	return n
}

// createProtected is rawCreate of a thread for a protected call.
func (st *state) createProtected(L *lua.LState) int {
	lauxlib.InProtected(L.Get(1).(*lua.LFunction))
	return st.rawCreate(L)
}

// coResume is coroutine.resume, which says behind an error whether that is lauxlib.Overflow, with a bound on how deep threads
// resume threads: each level is one of Go's stack, which is not to run out.
func (st *state) coResume(L *lua.LState) int {
	if st.depth >= maxThreadsDepth {
		L.RaiseError("stack overflow: coroutines are nested more than %d deep", maxThreadsDepth)
	}
	th := checkCoroutine(L)
	if status := statusOf(L, th); status != "suspended" {
		L.Push(lua.LFalse)
		L.Push(lua.LString("cannot resume " + status + " coroutine"))
		return 2
	}
	st.depth++
	n := resumeThread(L)
	st.depth--
	if s, ok := L.Get(-1).(lua.LString); ok && th.Dead && n == 2 && L.Get(-2) == lua.LFalse {
		L.Replace(-1, lua.LString(luacode.Reword(th, string(s))))
		L.Push(lua.LBool(s == lauxlib.Overflow))
		n++
	}
	return n
}

// coStatus is coroutine.status.
func (st *state) coStatus(L *lua.LState) int {
	L.Push(lua.LString(statusOf(L, checkCoroutine(L))))
	return 1
}

// statusOf is what th is, seen from L, which runs.
func statusOf(L, th *lua.LState) string {
	status := L.Status(th)
	for of := L; status == "suspended" && of != nil; of = of.Parent {
		if of.Parent == th {
			status = "normal" // it has resumed one that runs
		}
	}
	return status
}

// waiting makes a Lua function of f, which may wait.
func (st *state) waiting(f lua.LGFunction) lua.LValue {
	L := st.L
	L.Push(st.prelude.wrap)
	L.Push(L.NewFunction(f))
	L.Call(1, 1)
	return lauxlib.Pop(st.L)
}
