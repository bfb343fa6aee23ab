package luacode

import (
	"math"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
	"github.com/ws76/ws76/scripts/luastring"
)

// Operators that gopher-lua's virtual machine does in another way than Lua 5.1, and that need the state, are calls of functions here.
// The code of a chunk begins with taking those it uses out of the metatable of strings: local f = -"name".
const (
	opConcat = iota
	opLen
	opLoop
	numOps
)

// opSigns are how they are written; opNames are names that no script can spell.
var (
	opSigns = [numOps]string{"..", "#", "for"}
	opNames = [numOps]string{"\x00..", "\x00#", "\x00for"}
)

// operator returns the function of an operator.
func (o *operators) operator(name string) lua.LGFunction {
	switch name {
	case opNames[opConcat]:
		return o.budget.Concat
	case opNames[opLen]:
		return length
	case opNames[opLoop]:
		return loop
	}
	return nil
}

// operators are those of one state.
type operators struct {
	budget *luastring.Budget
}

// arithmetic is what a binary operator does.
type arithmetic struct {
	event string
	do    func(a, b float64) float64
}

var (
	addition       = arithmetic{"__add", func(a, b float64) float64 { return a + b }}
	subtraction    = arithmetic{"__sub", func(a, b float64) float64 { return a - b }}
	multiplication = arithmetic{"__mul", func(a, b float64) float64 { return a * b }}
	division       = arithmetic{"__div", func(a, b float64) float64 { return a / b }}
	modulo         = arithmetic{"__mod", luaMod}
	power          = arithmetic{"__pow", luaPow}
)

// luaMod is a % b as the manual defines it.
func luaMod(a, b float64) float64 { return a - math.Floor(a/b)*b }

// luaPow is a ^ b. Go's power of a whole number differs from C's in the last digit more often than this.
func luaPow(a, b float64) float64 {
	switch {
	case b == 0 || a == 1:
		return 1
	case a != a || b != b:
		return a + b
	case b != math.Trunc(b) || math.Abs(b) > 64:
		r := math.Pow(a, b)
		if r != r {
			r = (a - a) / (a - a) // with the sign that the machine gives it
		}
		return r
	}
	hi, lo := 1.0, 0.0 // the power in two numbers, which is rounded once at the end
	for range int(math.Abs(b)) {
		p := hi * a
		lo = math.FMA(hi, a, -p) + lo*a
		hi = p
	}
	if math.IsInf(hi, 0) || hi == 0 || hi != hi || math.IsInf(lo, 0) || lo != lo {
		return math.Pow(a, b)
	}
	if b >= 0 {
		return hi + lo
	}
	q := 1 / hi
	if math.IsInf(q, 0) { // of what is next to nothing
		return q
	}
	return q + q*(math.FMA(-q, hi, 1)-q*lo)
}

// metaOf is the function that values other than strings have for an event, of which ours are for strings and the like.
func metaOf(L *lua.LState, event string, values ...lua.LValue) *lua.LFunction {
	for _, v := range values {
		switch v.(type) {
		case *lua.LTable, *lua.LUserData:
			if f, ok := L.GetMetaField(v, event).(*lua.LFunction); ok {
				return f
			}
		}
	}
	return nil
}

// apply is the operator with the two arguments of L, of which an instruction of the machine has made a call.
func (op *arithmetic) apply(L *lua.LState) int {
	left, right := L.Get(1), L.Get(2)
	x, ok := lauxlib.ToNumber(left)
	if ok {
		var y float64
		if y, ok = lauxlib.ToNumber(right); ok {
			L.Push(lua.LNumber(op.do(x, y)))
			return 1
		}
	}
	if f := metaOf(L, op.event, left, right); f != nil {
		L.Push(f)
		L.Push(left)
		L.Push(right)
		L.Call(2, 1)
		return 1
	}
	bad := 1
	if _, ok := lauxlib.ToNumber(left); ok {
		bad = 2
	}
	kind, called := operand(L, bad)
	lauxlib.OperandError(L, "perform arithmetic on", L.Get(bad), kind, called)
	return 0
}

// operand is what argument n of the running function is called, of which an instruction of the machine has made a call.
func operand(L *lua.LState, n int) (kind, name string) { return lauxlib.Operand(L, L.Get(n)) }

// refuse raises the error that argument 1 is nothing that an instruction works on.
func refuse(operation string) lua.LGFunction {
	return func(L *lua.LState) int {
		kind, name := operand(L, 1)
		lauxlib.OperandError(L, operation, L.Get(1), kind, name)
		return 0
	}
}

func init() {
	for op, a := range map[int]*arithmetic{lua.OP_MOD: &modulo, lua.OP_POW: &power} {
		lauxlib.Arithmetic(op, a.do, &lua.LFunction{IsG: true, GFunction: a.apply})
	}
}

// negate is unary minus of what is no number.
func negate(L *lua.LState) int {
	if n, ok := lauxlib.ToNumber(L.Get(1)); ok {
		L.Push(lua.LNumber(-n))
		return 1
	}
	return refuse("perform arithmetic on")(L)
}

// length is #v where it is a call: of a table without a look at __len.
func length(L *lua.LState) int {
	switch v := L.Get(1).(type) {
	case lua.LString:
		L.Push(lua.LNumber(len(v)))
	case *lua.LTable:
		L.Push(lua.LNumber(v.Len()))
	default:
		f := metaOf(L, "__len", v)
		if f == nil {
			kind, name := lauxlib.Argument(L, 1)
			lauxlib.OperandError(L, "get length of", v, kind, name)
		}
		L.Push(f)
		L.Push(v)
		L.Call(1, 1)
	}
	return 1
}

// loop makes numbers of the three values of a numeric for.
func loop(L *lua.LState) int {
	for i, what := range []string{"initial value", "limit", "step"} {
		n, ok := lauxlib.ToNumber(L.Get(i + 1))
		if !ok {
			lauxlib.Errorf(L, "'for' %s must be a number", what)
		}
		L.Push(lua.LNumber(n))
	}
	return 3
}

// plain is the metatable of values that have none: what is done with them and may not be is an error, with their name.
// It is shared by all states and does not change.
var plain = func() *lua.LTable {
	t := &lua.LTable{Metatable: lua.LNil}
	set := func(f lua.LGFunction, events ...string) {
		for _, e := range events {
			t.RawSetString(e, &lua.LFunction{IsG: true, GFunction: f})
		}
	}
	for _, op := range []*arithmetic{&addition, &subtraction, &multiplication, &division} {
		set(op.apply, op.event)
	}
	set(negate, "__unm")
	set(refuse("get length of"), "__len")
	set(refuse("index"), "__index", "__newindex")
	set(func(L *lua.LState) int {
		kind, name := lauxlib.Called(L)
		lauxlib.OperandError(L, "call", L.Get(1), kind, name)
		return 0
	}, "__call")
	set(func(L *lua.LState) int {
		lauxlib.Errorf(L, "attempt to compare two %s values", L.Get(1).Type())
		return 0
	}, "__lt", "__le")
	return t
}()

// install gives the values that have no metatable in gopher-lua one, and strings one that has their operators.
func (o *operators) install(L *lua.LState) {
	for _, v := range []lua.LValue{lua.LNil, lua.LTrue, lua.LNumber(0), &lua.LFunction{}, &lua.LState{}} {
		L.SetMetatable(v, plain)
	}
	mt := L.CreateTable(0, 12)
	for _, event := range []string{"__add", "__sub", "__mul", "__div", "__call", "__newindex"} {
		mt.RawSetString(event, plain.RawGetString(event))
	}
	mt.RawSetString("__unm", L.NewFunction(func(L *lua.LState) int {
		if s, ok := L.Get(1).(lua.LString); ok && len(s) > 0 && s[0] == 0 {
			if f := o.operator(string(s)); f != nil {
				L.Push(L.NewFunction(f))
				return 1
			}
		}
		return negate(L)
	}))
	mt.RawSetString("__index", L.GetGlobal(lua.StringLibName))
	L.SetMetatable(lua.LString(""), mt)
}
