package lualib

import (
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

// The functions of Lua 5.3's utf8 library, for characters up to U+10FFFF.

const utf8Pattern = "[%z\x01-\x7F\xC2-\xF4][\x80-\xBF]*"

func (l *library) utf8Char(L *lua.LState) int {
	account := l.Budget.Account(L, "utf8.char", 0)
	out := account.Grow(nil, L.GetTop()*utf8.UTFMax)
	for i := 1; i <= L.GetTop(); i++ {
		c := L.CheckInt(i)
		if c < 0 || c > utf8.MaxRune || !utf8.ValidRune(rune(c)) {
			L.ArgError(i, "no character has this number")
		}
		out = utf8.AppendRune(out, rune(c))
	}
	L.Push(account.String(out))
	return 1
}

// position makes an offset of the position that is argument n.
func position(L *lua.LState, n, absent, length int) int {
	p := L.OptInt(n, absent)
	if p < 0 {
		p += length + 1
	}
	return p - 1
}

func (l *library) utf8Codepoint(L *lua.LState) int {
	s := L.CheckString(1)
	i := position(L, 2, 1, len(s))
	j := position(L, 3, i+1, len(s))
	if i < 0 || j >= len(s) {
		L.RaiseError("utf8.codepoint: out of range")
	}
	if j-i > 8000 {
		L.RaiseError("utf8.codepoint: string slice too long")
	}
	l.Budget.Spend(L, "utf8.codepoint", j-i+1)
	n := 0
	for i <= j {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size <= 1 {
			L.RaiseError("utf8.codepoint: byte %d is no UTF-8", i+1)
		}
		L.Push(lua.LNumber(r))
		n++
		i += size
	}
	return n
}

// utf8Len returns how many characters there are, or nil and where the first byte that is no UTF-8 is.
func (l *library) utf8Len(L *lua.LState) int {
	s := L.CheckString(1)
	i := position(L, 2, 1, len(s))
	j := position(L, 3, -1, len(s))
	if i < 0 || i > len(s) || j >= len(s) {
		L.RaiseError("utf8.len: out of range")
	}
	l.Budget.Spend(L, "utf8.len", len(s)>>2)
	n := 0
	for i <= j {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size <= 1 {
			L.Push(lua.LNil)
			L.Push(lua.LNumber(i + 1))
			return 2
		}
		n++
		i += size
	}
	L.Push(lua.LNumber(n))
	return 1
}

// utf8Codes is an iterator over positions and characters.
func (l *library) utf8Codes(L *lua.LState) int {
	s := L.CheckString(1)
	at := 0
	L.Push(L.NewClosure(func(L *lua.LState) int {
		if at >= len(s) {
			return 0
		}
		l.Budget.Spend(L, "utf8.codes", 1)
		r, size := utf8.DecodeRuneInString(s[at:])
		if r == utf8.RuneError && size <= 1 {
			L.RaiseError("utf8.codes: byte %d is no UTF-8", at+1)
		}
		L.Push(lua.LNumber(at + 1))
		L.Push(lua.LNumber(r))
		at += size
		return 2
	}, L.Get(1))) // so that who weighs what a script keeps finds it
	return 1
}

func continues(s string, i int) bool { return i < len(s) && s[i]&0xC0 == 0x80 }

// utf8Offset returns where the n-th character from a position begins; nil if there is none.
func (l *library) utf8Offset(L *lua.LState) int {
	s, n := L.CheckString(1), L.CheckInt(2)
	first := 1
	if n <= 0 {
		first = len(s) + 1
	}
	i := position(L, 3, first, len(s))
	if i < 0 || i > len(s) {
		L.ArgError(3, "position out of range")
	}
	l.Budget.Spend(L, "utf8.offset", len(s)>>2)
	if n == 0 {
		for i > 0 && continues(s, i) {
			i--
		}
		L.Push(lua.LNumber(i + 1))
		return 1
	}
	if continues(s, i) {
		L.RaiseError("utf8.offset: the position is within a character")
	}
	for ; n < 0 && i > 0; n++ {
		for i--; i > 0 && continues(s, i); {
			i--
		}
	}
	if n > 0 {
		for n--; n > 0 && i < len(s); n-- {
			for i++; continues(s, i); {
				i++
			}
		}
	}
	if n != 0 {
		L.Push(lua.LNil)
	} else {
		L.Push(lua.LNumber(i + 1))
	}
	return 1
}
