package lualib

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

func (l *library) hexEncode(L *lua.LState) int {
	s := L.CheckString(1)
	l.Budget.Size(L, "hex.encode", 2*len(s))
	L.Push(lua.LString(hex.EncodeToString([]byte(s))))
	return 1
}

// hexDecode takes digits in either case, with blanks between them.
func (l *library) hexDecode(L *lua.LState) int {
	s := L.CheckString(1)
	l.Budget.Size(L, "hex.decode", len(s))
	out, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	var bad hex.InvalidByteError
	switch {
	case errors.Is(err, hex.ErrLength):
		return fail(L, "hex.decode: an odd number of digits")
	case errors.As(err, &bad):
		return fail(L, "hex.decode: %q is no hexadecimal digit", string([]byte{byte(bad)}))
	}
	L.Push(lua.LString(out))
	return 1
}

// base64Encode has the alphabet for URLs, without padding, if its second argument is true.
func (l *library) base64Encode(L *lua.LState) int {
	s, encoding := L.CheckString(1), base64.StdEncoding
	if L.ToBool(2) {
		encoding = base64.RawURLEncoding
	}
	l.Budget.Size(L, "base64.encode", encoding.EncodedLen(len(s)))
	L.Push(lua.LString(encoding.EncodeToString([]byte(s))))
	return 1
}

// base64Decode takes both alphabets, padded or not.
func (l *library) base64Decode(L *lua.LState) int {
	s := L.CheckString(1)
	l.Budget.Size(L, "base64.decode", len(s))
	plain := strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(s), "=\r\n")
	out, err := base64.RawStdEncoding.DecodeString(plain)
	var bad base64.CorruptInputError
	if errors.As(err, &bad) {
		return fail(L, "base64.decode: offset %d: no base64 there", int64(bad))
	}
	L.Push(lua.LString(out))
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
	sum := md5.Sum([]byte(s))
	return l.digest(L, sum[:])
}

func (l *library) sha1(L *lua.LState) int {
	s := L.CheckString(1)
	l.Budget.Spend(L, "sha1", len(s)>>3)
	sum := sha1.Sum([]byte(s))
	return l.digest(L, sum[:])
}
