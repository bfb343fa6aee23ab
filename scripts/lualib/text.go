package lualib

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

func (l *library) hexEncode(L *lua.LState) int {
	s := L.CheckString(1)
	return l.encoded(L, "hex.encode", s, hex.EncodedLen(len(s)), func(out, s []byte) { hex.Encode(out, s) })
}

// encoded pushes n bytes that encode makes of s.
func (l *library) encoded(L *lua.LState, what, s string, n int, encode func(out, s []byte)) int {
	account := l.Budget.Account(L, what, len(s))
	out := account.Grow(nil, n)[:n]
	encode(out, bytesOf(s))
	account.Spend(n >> 3)
	L.Push(account.String(out))
	return 1
}

// bytesOf returns the bytes of s without a copy; they must not be written to.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// hexDecode takes digits in either case, with blanks between them.
func (l *library) hexDecode(L *lua.LState) int {
	s := L.CheckString(1)
	account := l.Budget.Account(L, "hex.decode", len(s))
	account.Spend(len(s) >> 2)
	digits := account.Grow(nil, len(s))
	for i := range len(s) {
		if c := s[i]; c != ' ' && (c < '\t' || c > '\r') {
			digits = append(digits, c)
		}
	}
	n, err := hex.Decode(digits, digits)
	var bad hex.InvalidByteError
	switch {
	case errors.Is(err, hex.ErrLength):
		return fail(L, "hex.decode: an odd number of digits")
	case errors.As(err, &bad):
		return fail(L, "hex.decode: %q is no hexadecimal digit", string([]byte{byte(bad)}))
	}
	L.Push(account.String(digits[:n]))
	return 1
}

// base64Encode has the alphabet for URLs, without padding, if its second argument is true.
func (l *library) base64Encode(L *lua.LState) int {
	s, encoding := L.CheckString(1), base64.StdEncoding
	if L.ToBool(2) {
		encoding = base64.RawURLEncoding
	}
	return l.encoded(L, "base64.encode", s, encoding.EncodedLen(len(s)), encoding.Encode)
}

// base64Decode takes both alphabets, padded or not.
func (l *library) base64Decode(L *lua.LState) int {
	s := L.CheckString(1)
	account := l.Budget.Account(L, "base64.decode", len(s))
	account.Spend(len(s) >> 2)
	plain := append(account.Grow(nil, len(s)), s...)
	for i, c := range plain {
		switch c {
		case '-':
			plain[i] = '+'
		case '_':
			plain[i] = '/'
		}
	}
	n, err := base64.RawStdEncoding.Decode(plain, bytes.TrimRight(plain, "=\r\n"))
	var bad base64.CorruptInputError
	if errors.As(err, &bad) {
		return fail(L, "base64.decode: offset %d: no base64 there", int64(bad))
	}
	L.Push(account.String(plain[:n]))
	return 1
}

// digest pushes a sum in hex, or as bytes if the second argument is true.
func (l *library) digest(L *lua.LState, sum []byte) int {
	if L.ToBool(2) {
		L.Push(lua.LString(sum))
	} else {
		L.Push(lua.LString(hex.EncodeToString(sum)))
	}
	return 1
}

func (l *library) md5(L *lua.LState) int {
	s := L.CheckString(1)
	l.Budget.Spend(L, "md5", len(s)>>3)
	sum := md5.Sum(bytesOf(s))
	return l.digest(L, sum[:])
}

func (l *library) sha1(L *lua.LState) int {
	s := L.CheckString(1)
	l.Budget.Spend(L, "sha1", len(s)>>3)
	sum := sha1.Sum(bytesOf(s))
	return l.digest(L, sum[:])
}
