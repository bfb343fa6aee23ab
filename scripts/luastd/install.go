package luastd

import (
	"math/rand/v2"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/luastring"
)

// library is the state of the functions of one Lua state.
type library struct {
	*luastring.Budget
	next   *lua.LFunction
	ipair  *lua.LFunction // the iterator of ipairs
	random *rand.Rand
}

// Install puts the basic functions and those of the table library into L, for which lua.OpenBase and lua.OpenTable must have
// been called. The Budget is that of luastring.Install.
func Install(L *lua.LState, b *luastring.Budget) {
	l := &library{Budget: b}
	globals := L.G.Global
	l.next = L.NewFunction(l.nextPair)
	l.ipair = L.NewFunction(l.nextIndex)
	L.SetFuncs(globals, map[string]lua.LGFunction{
		"assert": assert, "collectgarbage": collectGarbage, "error": raise, "getfenv": getFEnv, "getmetatable": getMetatable,
		"ipairs": l.ipairs, "next": l.nextPair, "pairs": l.pairs, "rawequal": rawEqual, "rawget": rawGet, "rawset": rawSet,
		"select": selectFrom, "setfenv": setFEnv, "setmetatable": setMetatable, "tonumber": toNumber, "tostring": tostring,
		"type": typeOf, "unpack": unpack,
	})
	if t, ok := globals.RawGetString(lua.TabLibName).(*lua.LTable); ok {
		L.SetFuncs(t, map[string]lua.LGFunction{
			"foreach": l.forEach, "foreachi": l.forEachIndex, "getn": getN, "insert": l.insert, "maxn": l.maxN,
			"remove": l.remove, "setn": setN, "sort": l.sort,
		})
	}
}
