package luastring

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// maxResults is how many values one function may return, Lua 5.1's limit of the C stack.
const maxResults = 8000

func (b *Budget) sub(L *lua.LState) int {
	s := checkString(L, 1, "sub")
	from, to := slice(checkInt(L, 2, "sub"), optInt(L, 3, "sub", -1), len(s))
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
	s := checkString(L, 1, "byte")
	i := optInt(L, 2, "byte", 1)
	from, to := slice(i, optInt(L, 3, "byte", i), len(s))
	if to-from > maxResults {
		L.RaiseError("string slice too long")
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
		c := checkInt(L, i+1, "char")
		if c < 0 || c > 255 {
			argError(L, i+1, "char", "invalid value")
		}
		out[i] = byte(c)
	}
	L.Push(lua.LString(out))
	return 1
}

func (b *Budget) length(L *lua.LState) int {
	L.Push(number(len(checkString(L, 1, "len"))))
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
	s := checkString(L, 1, name)
	b.Size(L, "string."+name, len(s))
	out := make([]byte, len(s))
	for i := range out {
		out[i] = change(s[i])
	}
	L.Push(lua.LString(out))
	return 1
}

func (b *Budget) reverse(L *lua.LState) int {
	s := checkString(L, 1, "reverse")
	b.Size(L, "string.reverse", len(s))
	out := make([]byte, len(s))
	for i := range out {
		out[i] = s[len(s)-1-i]
	}
	L.Push(lua.LString(out))
	return 1
}

func (b *Budget) rep(L *lua.LState) int {
	s, n := checkString(L, 1, "rep"), checkInt(L, 2, "rep")
	if n <= 0 || s == "" {
		L.Push(lua.LString(""))
		return 1
	}
	if n > b.Largest()/len(s) {
		L.RaiseError("string.rep: %d times %d bytes is larger than the limit of %d", n, len(s), b.Largest())
	}
	b.Size(L, "string.rep", n*len(s))
	L.Push(lua.LString(strings.Repeat(s, n)))
	return 1
}
