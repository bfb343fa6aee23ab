package luastd

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
)

// traceback is debug.traceback([thread,] [message [, level]]).
func traceback(L *lua.LState) int {
	th, level := L, 1
	if of, ok := L.Get(1).(*lua.LState); ok {
		th, level = of, 0
		L.Remove(1)
	}
	if n, ok := lauxlib.ToNumber(L.Get(2)); ok {
		level = int(n)
	}
	message, ok := lauxlib.ToString(L.Get(1))
	switch {
	case L.GetTop() == 0:
	case !ok:
		L.SetTop(1)
		return 1
	default:
		message += "\n"
	}
	L.Push(lua.LString(message + lauxlib.Traceback(th, level)))
	return 1
}
