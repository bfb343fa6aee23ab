package luacode

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/luastring"
)

// Install gives strings their metatable, with the operators, and replaces load and loadstring by functions that compile
// with the guards.
func Install(L *lua.LState, b *luastring.Budget) {
	(&operators{b}).install(L)
	L.SetGlobal("loadstring", L.NewFunction(func(L *lua.LState) int {
		src := L.CheckString(1)
		b.Spend(L, "loadstring", len(src))
		return Push(L, []byte(src), L.OptString(2, "<string>"))
	}))
	L.SetGlobal("load", L.NewFunction(func(L *lua.LState) int {
		reader := L.CheckFunction(1)
		var src strings.Builder
		for {
			L.Push(reader)
			L.Call(0, 1)
			piece := L.Get(-1)
			L.Pop(1)
			if piece == lua.LNil || piece == lua.LString("") {
				break
			}
			if !lua.LVCanConvToString(piece) {
				L.RaiseError("reader function must return a string")
			}
			src.WriteString(piece.String())
			b.Size(L, "load", src.Len())
		}
		b.Spend(L, "load", src.Len())
		return Push(L, []byte(src.String()), L.OptString(2, "=(load)"))
	}))
}

// Push compiles src and pushes the function, or nil and the error. It returns how many values that is.
func Push(L *lua.LState, src []byte, file string) int {
	proto, err := Compile(src, strings.TrimLeft(file, "@="))
	if err != nil {
		L.Push(lua.LNil)
		L.Push(lua.LString(err.Error()))
		return 2
	}
	L.Push(L.NewFunctionFromProto(proto))
	return 1
}
