package luastd

import (
	"math"
	"runtime/metrics"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
)

func assert(L *lua.LState) int {
	if !lua.LVAsBool(lauxlib.CheckAny(L, 1)) {
		lauxlib.Errorf(L, "%s", lauxlib.OptString(L, 2, "assertion failed!"))
	}
	return L.GetTop()
}

// raise is error.
func raise(L *lua.LState) int {
	level := lauxlib.OptInt(L, 2, 1)
	v := L.Get(1)
	if text, ok := lauxlib.ToString(v); ok && level > 0 {
		v = lua.LString(lauxlib.Where(L, level) + text)
	}
	L.Error(v, 0)
	return 0
}

// collectGarbage answers as in a state that is alone; when garbage is collected is for the whole process to decide.
func collectGarbage(L *lua.LState) int {
	switch option := lauxlib.OptString(L, 1, "collect"); option {
	case "count":
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(sample)
		L.Push(lua.LNumber(float64(sample[0].Value.Uint64()) / 1024))
	case "step":
		L.Push(lua.LTrue)
	case "setpause", "setstepmul":
		L.Push(lua.LNumber(200))
	case "collect", "stop", "restart":
		L.Push(lua.LNumber(0))
	default:
		lauxlib.ArgError(L, 1, "invalid option '"+option+"'")
	}
	return 1
}

// environmentOf finds the function that argument 1 of getfenv or setfenv means, nil for the thread.
func environmentOf(L *lua.LState, optional bool) *lua.LFunction {
	if f, ok := L.Get(1).(*lua.LFunction); ok {
		return f
	}
	level := 1
	if !optional || L.Get(1) != lua.LNil {
		level = lauxlib.CheckInt(L, 1)
	}
	if level < 0 {
		lauxlib.ArgError(L, 1, "level must be non-negative")
	}
	if level == 0 {
		return nil
	}
	f, ok := lauxlib.Function(L, level)
	if !ok {
		lauxlib.ArgError(L, 1, "invalid level")
	}
	if f == nil {
		lauxlib.Errorf(L, "no function environment for tail call at level %d", level)
	}
	return f
}

func getFEnv(L *lua.LState) int {
	if f := environmentOf(L, true); f == nil || f.IsG {
		L.Push(L.Env)
	} else {
		L.Push(f.Env)
	}
	return 1
}

func setFEnv(L *lua.LState) int {
	env := lauxlib.CheckTable(L, 2)
	f := environmentOf(L, false)
	switch {
	case f == nil:
		L.Env = env
		return 0
	case f.IsG:
		lauxlib.Errorf(L, "'setfenv' cannot change environment of given object")
	}
	f.Env = env
	L.Push(f)
	return 1
}

var debugFunctions = lauxlib.Shared(map[string]lua.LGFunction{
	"getfenv": debugGetFEnv, "setfenv": debugSetFEnv, "getmetatable": debugGetMetatable, "traceback": traceback,
})

// Debug puts the functions of the table debug into t that gopher-lua does in another way: those that know what has no
// environment of its own, functions that all states share and objects; getmetatable, which shows what a field __metatable
// hides; and traceback.
func Debug(t *lua.LTable) { debugFunctions.Set(t) }

func debugGetFEnv(L *lua.LState) int {
	env := L.G.Global
	switch v := lauxlib.CheckAny(L, 1).(type) {
	case *lua.LFunction:
		if !v.IsG && v.Env != nil {
			env = v.Env
		}
	case *lua.LUserData:
		if v.Env != nil {
			env = v.Env
		}
	case *lua.LState:
		env = v.Env
	default:
		L.Push(lua.LNil)
		return 1
	}
	L.Push(env)
	return 1
}

func debugSetFEnv(L *lua.LState) int {
	env := lauxlib.CheckTable(L, 2)
	v := L.Get(1)
	f, ok := v.(*lua.LFunction)
	if !ok || f.IsG {
		lauxlib.Errorf(L, "'setfenv' cannot change environment of given object")
	}
	f.Env = env
	L.Push(v)
	return 1
}

func debugGetMetatable(L *lua.LState) int {
	switch v := lauxlib.CheckAny(L, 1).(type) {
	case *lua.LTable:
		lauxlib.Fill(v)
		L.Push(v.Metatable)
	case *lua.LUserData:
		L.Push(v.Metatable)
	default:
		return getMetatable(L)
	}
	return 1
}

// getMetatable does not show the metatables that values have from the host, for the words of errors.
func getMetatable(L *lua.LState) int {
	switch v := lauxlib.CheckAny(L, 1).(type) {
	case *lua.LTable:
		lauxlib.Fill(v)
		L.Push(L.GetMetatable(v))
	case *lua.LUserData, lua.LString:
		L.Push(L.GetMetatable(v))
	default:
		L.Push(lua.LNil)
	}
	return 1
}

func setMetatable(L *lua.LState) int {
	t := lauxlib.CheckTable(L, 1)
	mt := L.Get(2)
	if _, ok := mt.(*lua.LTable); !ok && (mt != lua.LNil || L.GetTop() < 2) {
		lauxlib.ArgError(L, 2, "nil or table expected")
	}
	if L.GetMetaField(t, "__metatable") != lua.LNil {
		lauxlib.Errorf(L, "cannot change a protected metatable")
	}
	t.Metatable = mt
	L.Push(t)
	return 1
}

func (l *library) ipairs(L *lua.LState) int {
	t := lauxlib.CheckTable(L, 1)
	L.Push(l.ipair)
	L.Push(t)
	L.Push(lua.LNumber(0))
	return 3
}

// nextIndex is the iterator of ipairs.
func (l *library) nextIndex(L *lua.LState) int {
	i := lauxlib.CheckInt(L, 2) + 1
	v := rawGetInt(lauxlib.CheckTable(L, 1), i)
	if v == lua.LNil {
		return 0
	}
	L.Push(lua.LNumber(i))
	L.Push(v)
	return 2
}

func (l *library) pairs(L *lua.LState) int {
	t := lauxlib.CheckTable(L, 1)
	L.Push(l.next)
	L.Push(t)
	L.Push(lua.LNil)
	return 3
}

// nextPair is next.
func (l *library) nextPair(L *lua.LState) int {
	t, key := lauxlib.CheckTable(L, 1), L.Get(2)
	if key != lua.LNil && t.RawGet(key) == lua.LNil && !lauxlib.WasKey(t, key) {
		L.Error(lua.LString("invalid key to 'next'"), 0)
	}
	k, v := t.Next(key)
	L.Push(k)
	if k == lua.LNil {
		return 1
	}
	L.Push(v)
	return 2
}

func rawEqual(L *lua.LState) int {
	L.Push(lua.LBool(L.RawEqual(lauxlib.CheckAny(L, 1), lauxlib.CheckAny(L, 2))))
	return 1
}

func rawGet(L *lua.LState) int {
	L.Push(lauxlib.CheckTable(L, 1).RawGet(lauxlib.CheckAny(L, 2)))
	return 1
}

func rawSet(L *lua.LState) int {
	t, key, v := lauxlib.CheckTable(L, 1), lauxlib.CheckAny(L, 2), lauxlib.CheckAny(L, 3)
	if n, ok := key.(lua.LNumber); ok && n != n {
		L.Error(lua.LString("table index is NaN"), 0)
	}
	if key == lua.LNil {
		L.Error(lua.LString("table index is nil"), 0)
	}
	lauxlib.RawSet(L, t, key, v)
	L.Push(t)
	return 1
}

func selectFrom(L *lua.LState) int {
	n := L.GetTop()
	if s, ok := L.Get(1).(lua.LString); ok && strings.HasPrefix(string(s), "#") {
		L.Push(lua.LNumber(n - 1))
		return 1
	}
	i := lauxlib.CheckInt(L, 1)
	if i < 0 {
		i += n
	}
	if i < 1 {
		lauxlib.ArgError(L, 1, "index out of range")
	}
	return n - min(i, n)
}

func toNumber(L *lua.LState) int {
	base := lauxlib.OptInt(L, 2, 10)
	var f float64
	var ok bool
	if base == 10 {
		f, ok = lauxlib.ToNumber(lauxlib.CheckAny(L, 1))
	} else {
		s := lauxlib.CheckString(L, 1)
		if base < 2 || base > 36 {
			lauxlib.ArgError(L, 2, "base out of range")
		}
		f, ok = lauxlib.ParseInteger(s, base)
	}
	if !ok {
		L.Push(lua.LNil)
		return 1
	}
	L.Push(lua.LNumber(f))
	return 1
}

// ToString returns what tostring gives for a value, which may be no string where the value's __tostring returns none.
func ToString(L *lua.LState, v lua.LValue) lua.LValue {
	switch v := v.(type) {
	case lua.LString:
		return v
	case lua.LNumber:
		return lua.LString(lauxlib.FormatNumber(float64(v)))
	}
	f := L.GetMetaField(v, "__tostring")
	if f == lua.LNil {
		return lua.LString(v.String())
	}
	L.Push(f)
	L.Push(v)
	L.Call(1, 1)
	v = L.Get(-1)
	L.Pop(1)
	return v
}

func tostring(L *lua.LState) int {
	L.Push(ToString(L, lauxlib.CheckAny(L, 1)))
	return 1
}

func typeOf(L *lua.LState) int {
	L.Push(lua.LString(lauxlib.CheckAny(L, 1).Type().String()))
	return 1
}

// maxUnpack is how many values are on the stack of a function of the library at most, as in Lua 5.1.
const maxUnpack = 8000

func unpack(L *lua.LState) int {
	t := lauxlib.CheckTable(L, 1)
	from := lauxlib.OptInt(L, 2, 1)
	to := t.Len()
	if L.Get(3) != lua.LNil {
		to = lauxlib.CheckInt(L, 3)
	}
	if from > to {
		return 0
	}
	n := to - from + 1
	if n > math.MaxInt32 || n+L.GetTop() > maxUnpack {
		lauxlib.Errorf(L, "too many results to unpack")
	}
	for i := from; i <= to; i++ {
		L.Push(rawGetInt(t, i))
	}
	return n
}
