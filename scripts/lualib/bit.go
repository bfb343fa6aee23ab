package lualib

import (
	"fmt"
	"math"
	"math/bits"

	lua "github.com/yuin/gopher-lua"
)

// The functions of LuaJIT's bit library: numbers are taken modulo 2^32 and results are signed, except tohex.

var bitFunctions = map[string]lua.LGFunction{
	"tobit": func(L *lua.LState) int { return pushBits(L, checkBits(L, 1)) },
	"bnot":  func(L *lua.LState) int { return pushBits(L, ^checkBits(L, 1)) },
	"bswap": func(L *lua.LState) int { return pushBits(L, bits.ReverseBytes32(checkBits(L, 1))) },
	"band":  fold(func(a, b uint32) uint32 { return a & b }),
	"bor":   fold(func(a, b uint32) uint32 { return a | b }),
	"bxor":  fold(func(a, b uint32) uint32 { return a ^ b }),

	"lshift":  shift(func(a uint32, n uint) uint32 { return a << n }),
	"rshift":  shift(func(a uint32, n uint) uint32 { return a >> n }),
	"arshift": shift(func(a uint32, n uint) uint32 { return uint32(int32(a) >> n) }),
	"rol":     shift(func(a uint32, n uint) uint32 { return bits.RotateLeft32(a, int(n)) }),
	"ror":     shift(func(a uint32, n uint) uint32 { return bits.RotateLeft32(a, -int(n)) }),

	"tohex": func(L *lua.LState) int {
		n := L.OptInt(2, 8)
		digits := min(max(n, -n), 8)
		format := "%0*x"
		if n < 0 {
			format = "%0*X"
		}
		v := uint64(checkBits(L, 1)) & (1<<(4*digits) - 1)
		if digits == 0 {
			L.Push(lua.LString(""))
		} else {
			L.Push(lua.LString(fmt.Sprintf(format, digits, v)))
		}
		return 1
	},
}

func checkBits(L *lua.LState, n int) uint32 {
	f := math.Mod(math.Floor(float64(L.CheckNumber(n))), 1<<32)
	if f != f {
		L.ArgError(n, "a finite number expected")
	}
	return uint32(int64(f))
}

func pushBits(L *lua.LState, v uint32) int {
	L.Push(lua.LNumber(int32(v)))
	return 1
}

func fold(f func(a, b uint32) uint32) lua.LGFunction {
	return func(L *lua.LState) int {
		v := checkBits(L, 1)
		for i := 2; i <= L.GetTop(); i++ {
			v = f(v, checkBits(L, i))
		}
		return pushBits(L, v)
	}
}

func shift(f func(a uint32, n uint) uint32) lua.LGFunction {
	return func(L *lua.LState) int {
		return pushBits(L, f(checkBits(L, 1), uint(checkBits(L, 2)&31)))
	}
}
