package luastring

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
)

// Concat is the operator "..", a .. b .. c for its arguments: from the right, numbers as text, __concat where an operand is
// neither. Strings that stand together are joined at once.
func (b *Budget) Concat(L *lua.LState) int {
	// Most often there are two and both are strings.
	n := L.GetTop()
	if n == 2 {
		if x, ok := L.Get(1).(lua.LString); ok {
			if y, ok := L.Get(2).(lua.LString); ok {
				b.Size(L, "..", len(x)+len(y))
				L.Push(x + y)
				return 1
			}
		}
	}
	right := L.Get(n)
	for n > 1 {
		from := n // operands [from, n) are text and so is right
		if lua.LVCanConvToString(right) {
			for from > 1 && lua.LVCanConvToString(L.Get(from-1)) {
				from--
			}
		}
		if from < n {
			right = b.join(L, from, n, text(right))
			n = from
			continue
		}
		n--
		right = b.concatMeta(L, n, right)
	}
	L.Push(right)
	return 1
}

// join joins the operands [from, to) and the text behind them.
func (b *Budget) join(L *lua.LState, from, to int, last string) lua.LValue {
	size, longest := len(last), len(last)
	for i := from; i < to; i++ {
		if s, ok := L.Get(i).(lua.LString); ok {
			size += len(s)
			longest = max(longest, len(s))
		} else {
			size += 24 // a number at most
		}
	}
	account := b.Account(L, "..", longest)
	out := account.Grow(nil, size)
	for i := from; i < to; i++ {
		out = append(out, text(L.Get(i))...)
	}
	return account.String(append(out, last...))
}

// text is a string or number as text.
func text(v lua.LValue) string {
	s, _ := lauxlib.ToString(v)
	return s
}

// concatMeta calls __concat, of the left operand, argument n, if it has one.
func (b *Budget) concatMeta(L *lua.LState, n int, right lua.LValue) lua.LValue {
	left := L.Get(n)
	f := L.GetMetaField(left, "__concat")
	if f == lua.LNil {
		f = L.GetMetaField(right, "__concat")
	}
	if f == lua.LNil {
		bad := left
		if lua.LVCanConvToString(left) {
			bad, n = right, n+1
		}
		kind, name := lauxlib.Argument(L, n)
		lauxlib.OperandError(L, "concatenate", bad, kind, name)
	}
	L.Push(f)
	L.Push(left)
	L.Push(right)
	L.Call(2, 1)
	v := L.Get(-1)
	L.Pop(1)
	return v
}

// tableConcat is table.concat.
func (b *Budget) tableConcat(L *lua.LState) int {
	const what = "table.concat"
	separator := lauxlib.OptString(L, 2, "")
	t := lauxlib.CheckTable(L, 1)
	i := lauxlib.OptInt(L, 3, 1)
	last := t.Len()
	if L.Get(4) != lua.LNil {
		last = lauxlib.CheckInt(L, 4)
	}
	if i > last {
		L.Push(lua.LString(""))
		return 1
	}
	// The sizes first: the result is made once, in its right size.
	size, longest := 0, 0
	for k := i; k <= last; k++ {
		switch v := t.RawGet(lua.LNumber(k)).(type) {
		case lua.LString:
			size += len(v)
			longest = max(longest, len(v))
		case lua.LNumber:
			size += 8
		default:
			lauxlib.Errorf(L, "invalid value (%s) at index %d in table for 'concat'", v.Type().String(), k)
		}
		if k < last {
			size += len(separator)
		}
		b.Spend(L, what, 1)
		if size > b.Largest() {
			b.Size(L, what, size)
		}
	}
	account := b.Account(L, what, longest+16*(last-i))
	out := account.Grow(nil, size)
	for k := i; k <= last; k++ {
		switch v := t.RawGet(lua.LNumber(k)).(type) {
		case lua.LString:
			out = append(account.Grow(out, len(v)), v...)
		case lua.LNumber:
			text := lauxlib.FormatNumber(float64(v))
			out = append(account.Grow(out, len(text)), text...)
		}
		if k < last {
			out = append(account.Grow(out, len(separator)), separator...)
		}
	}
	L.Push(account.String(out))
	return 1
}
