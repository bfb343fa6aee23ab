package scripts

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lualib"
)

// Inspect returns a value as ws76.inspect does, within the budget of the state of L.
func Inspect(L *lua.LState, v lua.LValue) string {
	return lualib.Inspect(L, &stateOf(L).budget, v)
}

// Difference compares two values as lualib.Difference does.
func Difference(L *lua.LState, got, want lua.LValue) (at string, a, b lua.LValue, same bool) {
	return lualib.Difference(L, &stateOf(L).budget, got, want)
}
