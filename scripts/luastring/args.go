package luastring

import (
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// The arguments of Lua 5.1's lauxlib: numbers do for strings, strings that spell a number do for numbers, and the
// errors read as they do there. Name is the function's, as in "gsub".

func argError(L *lua.LState, n int, name, why string) {
	L.RaiseError("bad argument #%d to '%s' (%s)", n, name, why)
}

func typeError(L *lua.LState, n int, name, want string) {
	got := "no value"
	if n <= L.GetTop() {
		got = L.Get(n).Type().String()
	}
	argError(L, n, name, want+" expected, got "+got)
}

func checkString(L *lua.LState, n int, name string) string {
	switch v := L.Get(n).(type) {
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return v.String()
	}
	typeError(L, n, name, "string")
	return ""
}

func checkNumber(L *lua.LState, n int, name string) float64 {
	switch v := L.Get(n).(type) {
	case lua.LNumber:
		return float64(v)
	case lua.LString:
		if f, ok := toNumber(string(v)); ok {
			return f
		}
	}
	typeError(L, n, name, "number")
	return 0
}

func checkInt(L *lua.LState, n int, name string) int {
	if v, ok := L.Get(n).(lua.LNumber); ok {
		return toInt(float64(v))
	}
	return toInt(checkNumber(L, n, name))
}

func optInt(L *lua.LState, n int, name string, d int) int {
	if L.Get(n) == lua.LNil {
		return d
	}
	return checkInt(L, n, name)
}

// toInt cuts the fraction off and keeps what is too large for an int at its ends, so that sums of two cannot overflow.
func toInt(f float64) int {
	const far = 1 << 30
	switch {
	case f != f:
		return 0
	case f >= far:
		return far
	case f <= -far:
		return -far
	}
	return int(f)
}

// toNumber is Lua's reading of a number in a string: decimal or hexadecimal, with spaces around it.
func toNumber(s string) (float64, bool) {
	s = strings.Trim(s, " \t\n\v\f\r")
	digits := strings.TrimLeft(s, "+-")
	if strings.ContainsAny(s, "_pP") || len(s)-len(digits) > 1 || len(digits) == 0 || digits[0] != '.' && (digits[0] < '0' || digits[0] > '9') {
		return 0, false
	}
	if len(digits) > 2 && digits[0] == '0' && digits[1]|0x20 == 'x' {
		n, err := strconv.ParseUint(digits[2:], 16, 64)
		f := float64(n)
		if s[0] == '-' {
			f = -f
		}
		return f, err == nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if e, ok := err.(*strconv.NumError); ok && e.Err == strconv.ErrRange {
		err = nil // an overflow is infinity, as strtod has it
	}
	return f, err == nil
}

// numbers are the small ones as values, which saves an allocation each.
var numbers = func() (n [512]lua.LValue) {
	for i := range n {
		n[i] = lua.LNumber(i)
	}
	return n
}()

func number(n int) lua.LValue {
	if n >= 0 && n < len(numbers) {
		return numbers[n]
	}
	return lua.LNumber(n)
}

// slice is Lua's range [i, j] of a string of n bytes as a Go range: negative positions count from the end.
func slice(i, j, n int) (from, to int) {
	if i < 0 {
		i += n + 1
	}
	if j < 0 {
		j += n + 1
	}
	i, j = max(i, 1), min(j, n)
	if i > j {
		return 0, 0
	}
	return i - 1, j
}
