package luastd

import (
	"math/rand/v2"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
	"github.com/ws76/ws76/scripts/luastring"
)

// library is the state of the functions of one Lua state.
type library struct {
	*luastring.Budget
	next   *lua.LFunction
	ipair  *lua.LFunction // the iterator of ipairs
	random *rand.Rand
	now    func() time.Time
}

var shared = lauxlib.Shared(map[string]lua.LGFunction{
	"assert": assert, "collectgarbage": collectGarbage, "error": raise, "getfenv": getFEnv, "getmetatable": getMetatable,
	"rawequal": rawEqual, "rawget": rawGet, "rawset": rawSet, "select": selectFrom, "setfenv": setFEnv,
	"setmetatable": setMetatable, "tonumber": toNumber, "tostring": tostring, "type": typeOf, "unpack": unpack,
})

// Install puts the basic functions into L, but for those that load or protect code. The Budget is that of luastring.Install.
func Install(L *lua.LState, b *luastring.Budget) {
	l := &library{Budget: b}
	globals := L.G.Global
	globals.RawSetString("_G", globals)
	globals.RawSetString("_VERSION", lua.LString(lua.LuaVersion))
	l.next = L.NewFunction(l.nextPair)
	l.ipair = L.NewFunction(l.nextIndex)
	shared.Set(globals)
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
