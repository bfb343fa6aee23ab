package lauxlib

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// Errorf raises an error that begins with the place of the function that called the running one, if that is Lua code.
func Errorf(L *lua.LState, format string, args ...any) {
	L.Error(lua.LString(Where(L, 1)+fmt.Sprintf(format, args...)), 0)
}

// ErrorValue returns what has been raised where a protected call has failed with err.
func ErrorValue(err error) lua.LValue {
	var api *lua.ApiError
	if errors.As(err, &api) && api.Object != nil {
		return api.Object
	}
	return lua.LString(err.Error())
}

// ArgError raises the error of argument n of the running function, which is named as its caller calls it.
func ArgError(L *lua.LState, n int, why string) {
	var kind, name string
	if caller, ok := at(L, 1); ok {
		kind, name = caller.callee()
	}
	switch {
	case name == "":
		name = "?"
	case kind == "method": // the object does not count
		if n--; n == 0 {
			Errorf(L, "calling '%s' on bad self (%s)", name, why)
		}
	}
	Errorf(L, "bad argument #%d to '%s' (%s)", n, name, why)
}

// TypeError raises the error that argument n is no want.
func TypeError(L *lua.LState, n int, want string) {
	got := "no value"
	if n <= L.GetTop() {
		got = L.Get(n).Type().String()
	}
	ArgError(L, n, want+" expected, got "+got)
}

// CheckAny returns argument n, which may be nil but must be there.
func CheckAny(L *lua.LState, n int) lua.LValue {
	if n > L.GetTop() {
		ArgError(L, n, "value expected")
	}
	return L.Get(n)
}

// CheckTable returns argument n, a table.
func CheckTable(L *lua.LState, n int) *lua.LTable {
	t, ok := L.Get(n).(*lua.LTable)
	if !ok {
		TypeError(L, n, "table")
	}
	if t.Metatable != lua.LNil {
		Fill(t)
	}
	return t
}

// CheckFunction returns argument n, a function.
func CheckFunction(L *lua.LState, n int) *lua.LFunction {
	f, ok := L.Get(n).(*lua.LFunction)
	if !ok {
		TypeError(L, n, "function")
	}
	return f
}

// CheckString returns argument n, a string or a number.
func CheckString(L *lua.LState, n int) string {
	s, ok := ToString(L.Get(n))
	if !ok {
		TypeError(L, n, "string")
	}
	return s
}

// OptString is CheckString with a default for nil and nothing.
func OptString(L *lua.LState, n int, d string) string {
	if L.Get(n) == lua.LNil {
		return d
	}
	return CheckString(L, n)
}

// CheckNumber returns argument n, a number or a string that spells one.
func CheckNumber(L *lua.LState, n int) float64 {
	f, ok := ToNumber(L.Get(n))
	if !ok {
		TypeError(L, n, "number")
	}
	return f
}

// CheckInteger is CheckNumber without the fraction, as C converts it: what does not fit becomes the least integer.
func CheckInteger(L *lua.LState, n int) int {
	return int(Integer(CheckNumber(L, n)))
}

// OptInteger is CheckInteger with a default for nil and nothing.
func OptInteger(L *lua.LState, n, d int) int {
	if L.Get(n) == lua.LNil {
		return d
	}
	return CheckInteger(L, n)
}

// CheckInt is CheckInteger for what is an int in C: its lowest 32 bits.
func CheckInt(L *lua.LState, n int) int { return int(int32(CheckInteger(L, n))) }

// OptInt is CheckInt with a default for nil and nothing.
func OptInt(L *lua.LState, n, d int) int {
	if L.Get(n) == lua.LNil {
		return d
	}
	return CheckInt(L, n)
}

// Integer is C's conversion of a double on the machines there are: what does not fit becomes the least integer.
func Integer(f float64) int64 {
	if f >= -(1<<63) && f < 1<<63 {
		return int64(f)
	}
	return math.MinInt64
}

// OnlyKeys raises an error where a table of options, of the function called what, has a key that is none of names: one that is
// misspelt would go unnoticed.
func OnlyKeys(L *lua.LState, t *lua.LTable, what string, names ...string) {
	t.ForEach(func(key, _ lua.LValue) {
		if name, ok := key.(lua.LString); !ok || !slices.Contains(names, string(name)) {
			Errorf(L, "%s: there is no option %q; there are %s", what, key.String(), strings.Join(names, ", "))
		}
	})
}
