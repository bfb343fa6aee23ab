package lualib

import (
	"io"
	"os"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/internal/textfile"
	"github.com/ws76/ws76/scripts/luacode"
	"github.com/ws76/ws76/scripts/luastd"
)

// Sandbox sets the globals that reach the system: io, os, debug, dofile and loadfile. To scripts that are not trusted
// they are tables and functions whose use raises an error that names the flag; what only tells the time works always.
// lua.OpenBase must have been called. Os.exit is left out: it is ws76.exit that ends a command.
func Sandbox(L *lua.LState, o *Options) {
	open(L, lua.OsLibName, lua.OpenOs)
	osLibrary := L.GetGlobal(lua.OsLibName).(*lua.LTable)
	luastd.Time(L, osLibrary)
	osLibrary.RawSetString("exit", L.NewFunction(func(L *lua.LState) int {
		L.RaiseError("os.exit would end ws76 without closing anything; use ws76.exit")
		return 0
	}))
	if o.Trusted {
		open(L, lua.IoLibName, lua.OpenIo)
		open(L, lua.DebugLibName, lua.OpenDebug)
		L.SetGlobal("loadfile", L.NewFunction(loadFile))
		L.SetGlobal("dofile", L.NewFunction(func(L *lua.LState) int {
			L.SetTop(1)
			if loadFile(L) != 1 {
				L.RaiseError("%s", L.Get(-1))
			}
			L.Call(0, lua.MultRet)
			return L.GetTop() - 1
		}))
		return
	}
	safe := L.NewTable()
	for _, name := range []string{"time", "date", "clock", "difftime"} {
		safe.RawSetString(name, osLibrary.RawGetString(name))
	}
	refuse(L, "os", safe)
	refuse(L, "io", L.NewTable())
	trace := L.NewTable()
	open(L, lua.DebugLibName, lua.OpenDebug)
	trace.RawSetString("traceback", L.GetField(L.GetGlobal(lua.DebugLibName), "traceback"))
	refuse(L, "debug", trace)
	for _, name := range []string{"dofile", "loadfile"} {
		L.SetGlobal(name, L.NewFunction(Refuse(name)))
	}
}

func open(L *lua.LState, name string, f lua.LGFunction) {
	L.Push(L.NewFunction(f))
	L.Push(lua.LString(name))
	L.Call(1, 0)
}

// refuse sets a global table in which every other field is a function that raises an error.
func refuse(L *lua.LState, name string, t *lua.LTable) {
	mt := L.NewTable()
	mt.RawSetString("__index", L.NewFunction(func(L *lua.LState) int {
		L.Push(L.NewFunction(Refuse(name + "." + L.Get(2).String())))
		return 1
	}))
	t.Metatable = mt
	L.SetGlobal(name, t)
	if loaded, ok := L.GetField(L.Get(lua.RegistryIndex), "_LOADED").(*lua.LTable); ok {
		loaded.RawSetString(name, t) // what require gives
	}
}

// loadFile is loadfile, with the guards of luacode.
func loadFile(L *lua.LState) int {
	path := L.CheckString(1)
	f, err := os.OpenFile(path, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return fail(L, "%v", err)
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(textfile.NewReader(f), luacode.MaxSource+1))
	if err != nil {
		return fail(L, "%v", err)
	}
	return luacode.Push(L, src, path)
}
