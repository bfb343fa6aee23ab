package luastring

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
)

// maxResults is how many values one function may return, Lua 5.1's limit of the C stack.
const maxResults = 8000

func (b *Budget) sub(L *lua.LState) int {
	s := lauxlib.CheckString(L, 1)
	from, to := slice(lauxlib.CheckInteger(L, 2), lauxlib.OptInteger(L, 3, -1), len(s))
	L.Push(lua.LString(part(s, from, to)))
	return 1
}

// largeText is from which length on a string is not kept alive by small pieces of it.
const largeText = 4 << 10

// part returns s[from:to], as a copy where it is little of much.
func part(s string, from, to int) string {
	if len(s) >= largeText && to-from < len(s)/4 {
		return strings.Clone(s[from:to])
	}
	return s[from:to]
}

func (b *Budget) byte(L *lua.LState) int {
	s := lauxlib.CheckString(L, 1)
	i := lauxlib.OptInteger(L, 2, 1)
	from, to := slice(i, lauxlib.OptInteger(L, 3, i), len(s))
	if to-from > maxResults {
		lauxlib.Errorf(L, "stack overflow (string slice too long)")
	}
	for i := from; i < to; i++ {
		L.Push(number(int(s[i])))
	}
	return to - from
}

func (b *Budget) char(L *lua.LState) int {
	n := L.GetTop()
	out := make([]byte, n)
	for i := range out {
		c := lauxlib.CheckInt(L, i+1)
		if c < 0 || c > 255 {
			lauxlib.ArgError(L, i+1, "invalid value")
		}
		out[i] = byte(c)
	}
	L.Push(lua.LString(out))
	return 1
}

func (b *Budget) length(L *lua.LState) int {
	L.Push(number(len(lauxlib.CheckString(L, 1))))
	return 1
}

func (b *Budget) lower(L *lua.LState) int {
	return b.mapped(L, "lower", func(c byte) byte {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		return c
	})
}

func (b *Budget) upper(L *lua.LState) int {
	return b.mapped(L, "upper", func(c byte) byte {
		if c >= 'a' && c <= 'z' {
			c &^= 0x20
		}
		return c
	})
}

// mapped changes byte by byte: letters are those of the C locale, and what is no UTF-8 stays what it is.
func (b *Budget) mapped(L *lua.LState, name string, change func(byte) byte) int {
	s := lauxlib.CheckString(L, 1)
	account := b.Account(L, "string."+name, len(s))
	out := account.Grow(nil, len(s))[:len(s)]
	for i := range out {
		out[i] = change(s[i])
	}
	L.Push(account.String(out))
	return 1
}

func (b *Budget) reverse(L *lua.LState) int {
	s := lauxlib.CheckString(L, 1)
	account := b.Account(L, "string.reverse", len(s))
	out := account.Grow(nil, len(s))[:len(s)]
	for i := range out {
		out[i] = s[len(s)-1-i]
	}
	L.Push(account.String(out))
	return 1
}

func (b *Budget) rep(L *lua.LState) int {
	s, n := lauxlib.CheckString(L, 1), lauxlib.CheckInt(L, 2)
	if n <= 0 || s == "" {
		L.Push(lua.LString(""))
		return 1
	}
	if n > b.Largest()/len(s) {
		L.RaiseError("string.rep: %d times %d bytes is larger than the limit of %d%s", n, len(s), b.Largest(), RaisedBy(b.MaxStringBy))
	}
	account := b.Account(L, "string.rep", len(s))
	account.Take(n * len(s))
	account.Spend(n * len(s) >> 4)
	L.Push(lua.LString(strings.Repeat(s, n)))
	return 1
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
