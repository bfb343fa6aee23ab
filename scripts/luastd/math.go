package luastd

import (
	"math"
	"math/rand/v2"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
)

// Math returns the table math.
func Math(L *lua.LState) *lua.LTable {
	t := L.CreateTable(0, 32)
	t.RawSetString("pi", lua.LNumber(math.Pi))
	t.RawSetString("huge", lua.LNumber(math.Inf(1)))
	for name, f := range map[string]func(float64) float64{
		"abs": math.Abs, "acos": math.Acos, "asin": math.Asin, "atan": math.Atan, "ceil": math.Ceil, "cos": math.Cos, "cosh": math.Cosh,
		"deg": func(x float64) float64 { return x / radian }, "exp": math.Exp, "floor": math.Floor, "log": log, "log10": log10,
		"rad": func(x float64) float64 { return x * radian }, "sin": math.Sin, "sinh": math.Sinh, "sqrt": math.Sqrt,
		"tan": math.Tan, "tanh": math.Tanh,
	} {
		t.RawSetString(name, L.NewFunction(func(L *lua.LState) int {
			L.Push(lua.LNumber(f(lauxlib.CheckNumber(L, 1))))
			return 1
		}))
	}
	for name, f := range map[string]func(x, y float64) float64{"atan2": math.Atan2, "fmod": math.Mod, "mod": math.Mod, "pow": math.Pow} {
		t.RawSetString(name, L.NewFunction(func(L *lua.LState) int {
			y := lauxlib.CheckNumber(L, 2) // C looks at the last one first
			L.Push(lua.LNumber(f(lauxlib.CheckNumber(L, 1), y)))
			return 1
		}))
	}
	l := &library{}
	L.SetFuncs(t, map[string]lua.LGFunction{
		"frexp": frexp, "ldexp": ldexp, "max": largest, "min": least, "modf": modf, "random": l.nextRandom, "randomseed": l.randomSeed,
	})
	return t
}

const radian = math.Pi / 180

// log is right for the least numbers, too, as C's is and Go's is not.
func log(x float64) float64 {
	if x > 0 && x < 0x1p-1022 {
		return math.Log(x*0x1p54) - 54*math.Ln2
	}
	return math.Log(x)
}

// log10 is exact for powers of ten, as C's is and Go's is not.
func log10(x float64) float64 {
	y := math.Log10(x)
	if x > 0 && x < 0x1p-1022 {
		y = log(x) / math.Ln10
	}
	if n := math.Round(y); y != n && math.Abs(y-n) < 1e-9 && math.Pow10(int(n)) == x {
		return n
	}
	return y
}

func frexp(L *lua.LState) int {
	m, e := math.Frexp(lauxlib.CheckNumber(L, 1))
	L.Push(lua.LNumber(m))
	L.Push(lua.LNumber(e))
	return 2
}

func ldexp(L *lua.LState) int {
	e := lauxlib.CheckInt(L, 2)
	L.Push(lua.LNumber(math.Ldexp(lauxlib.CheckNumber(L, 1), e)))
	return 1
}

func modf(L *lua.LState) int {
	x := lauxlib.CheckNumber(L, 1)
	whole, part := math.Trunc(x), 0.0
	if !math.IsInf(x, 0) {
		part = x - whole
	}
	L.Push(lua.LNumber(whole))
	L.Push(lua.LNumber(math.Copysign(part, x)))
	return 2
}

func largest(L *lua.LState) int {
	return extreme(L, func(x, best float64) bool { return x > best })
}
func least(L *lua.LState) int { return extreme(L, func(x, best float64) bool { return x < best }) }

func extreme(L *lua.LState, better func(x, best float64) bool) int {
	best := lauxlib.CheckNumber(L, 1)
	for i := 2; i <= L.GetTop(); i++ {
		if x := lauxlib.CheckNumber(L, i); better(x, best) {
			best = x
		}
	}
	L.Push(lua.LNumber(best))
	return 1
}

func (l *library) nextRandom(L *lua.LState) int {
	if l.random == nil {
		l.random = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	r := l.random.Float64()
	from, to := 1, 0
	switch L.GetTop() {
	case 0:
		L.Push(lua.LNumber(r))
		return 1
	case 1:
		if to = lauxlib.CheckInt(L, 1); to < from {
			lauxlib.ArgError(L, 1, "interval is empty")
		}
	case 2:
		from = lauxlib.CheckInt(L, 1)
		if to = lauxlib.CheckInt(L, 2); to < from {
			lauxlib.ArgError(L, 2, "interval is empty")
		}
	default:
		lauxlib.Errorf(L, "wrong number of arguments")
	}
	L.Push(lua.LNumber(math.Floor(r*float64(to-from+1)) + float64(from)))
	return 1
}

func (l *library) randomSeed(L *lua.LState) int {
	l.random = rand.New(rand.NewPCG(uint64(lauxlib.CheckInt(L, 1)), 0))
	return 0
}
