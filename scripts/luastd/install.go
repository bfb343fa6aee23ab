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

// shared are functions that need nothing of a state and make no functions: one object of each serves all states.
var shared = func() map[string]*lua.LFunction {
	m := map[string]*lua.LFunction{}
	for name, f := range map[string]lua.LGFunction{
		"assert": assert, "collectgarbage": collectGarbage, "error": raise, "getfenv": getFEnv, "getmetatable": getMetatable,
		"rawequal": rawEqual, "rawget": rawGet, "rawset": rawSet, "select": selectFrom, "setfenv": setFEnv,
		"setmetatable": setMetatable, "tonumber": toNumber, "tostring": tostring, "type": typeOf, "unpack": unpack,
	} {
		m[name] = &lua.LFunction{IsG: true, GFunction: f}
	}
	return m
}()

// Install puts the basic functions into L, for which lua.OpenBase must have been called. The Budget is that of
// luastring.Install.
func Install(L *lua.LState, b *luastring.Budget) {
	l := &library{Budget: b}
	globals := L.G.Global
	l.next = L.NewFunction(l.nextPair)
	l.ipair = L.NewFunction(l.nextIndex)
	for name, f := range shared {
		globals.RawSetString(name, f)
	}
	globals.RawSetString("next", l.next)
	globals.RawSetString("ipairs", L.NewFunction(l.ipairs))
	globals.RawSetString("pairs", L.NewFunction(l.pairs))
}

// Table fills t with the table library, but for concat, which luastring.Table sets.
func Table(L *lua.LState, b *luastring.Budget, t *lua.LTable) {
	l := &library{Budget: b}
	L.SetFuncs(t, map[string]lua.LGFunction{
		"foreach": l.forEach, "foreachi": l.forEachIndex, "getn": getN, "insert": l.insert, "maxn": l.maxN,
		"remove": l.remove, "setn": setN, "sort": l.sort,
	})
}
