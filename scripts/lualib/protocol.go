package lualib

import (
	"crypto/rand"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/core/hixie"
)

// keygen returns key1, key2, key3 and the 16 bytes of the answer of a fresh challenge of draft 76.
func (l *library) keygen(L *lua.LState) int {
	l.Budget.Spend(L, "keygen", 64)
	c, err := hixie.NewGenerator(rand.Reader).Next()
	if err != nil {
		L.RaiseError("keygen: %v", err)
	}
	answer, err := c.Answer()
	if err != nil {
		L.RaiseError("keygen: %v", err)
	}
	for _, s := range [][]byte{c.Key1, c.Key2, c.Key3[:], answer[:]} {
		L.Push(lua.LString(s))
	}
	return 4
}

// answer returns the 16 bytes that answer a challenge, or nil and what is wrong with a key.
func (l *library) answer(L *lua.LState) int {
	c := hixie.Challenge{Key1: []byte(L.CheckString(1)), Key2: []byte(L.CheckString(2))}
	l.Budget.Spend(L, "answer", len(c.Key1)+len(c.Key2))
	key3 := L.CheckString(3)
	if copy(c.Key3[:], key3) != len(c.Key3) || len(key3) != len(c.Key3) {
		return fail(L, "answer: key3 has %d bytes, want 8", len(key3))
	}
	answer, err := c.Answer()
	if err != nil {
		return fail(L, "answer: %v", err)
	}
	L.Push(lua.LString(answer[:]))
	return 1
}

// frameEncode returns the frame of draft 76 for a text, or for data of another type.
func (l *library) frameEncode(L *lua.LState) int {
	data, typ := bytesOf(L.CheckString(1)), L.OptInt(2, 0)
	account := l.Budget.Account(L, "frame.encode", len(data))
	account.Spend(len(data) >> 2)
	if typ < 0 || typ > 255 {
		L.ArgError(2, "a type is a number from 0 to 255")
	}
	if typ == 0 {
		if at := hixie.InvalidAt(data); at >= 0 {
			L.RaiseError("frame.encode: byte %d is no UTF-8, which a text must be", at+1)
		}
	} else if typ < 0x80 {
		for i, c := range data {
			if c == 0xFF {
				L.RaiseError("frame.encode: byte %d is 0xFF, which ends a frame of type %#02x", i+1, typ)
			}
		}
	}
	L.Push(account.String(hixie.AppendFrame(account.Grow(nil, len(data)+16), byte(typ), data)))
	return 1
}

// growth is what a slice takes, with all that it took before, for a value that is appended to it.
const growth = 5

// frameDecode returns a list of frames, each a table with type, data and closing, and the bytes behind them that are no
// whole frame yet. Bytes that can be no frame are nil and a message.
func (l *library) frameDecode(L *lua.LState) int {
	s := L.CheckString(1)
	account := l.Budget.Account(L, "frame.decode", len(s))
	account.Take(2 * len(s)) // a frame that does not end is copied
	d := hixie.Decoder{KeepAll: true}
	d.Feed(bytesOf(s))
	list := L.CreateTable(0, 0)
	end := 0
	for {
		f, err := d.Next()
		if err == hixie.ErrIncomplete {
			break
		}
		if err != nil {
			return fail(L, "frame.decode: %v", err)
		}
		account.Spend(len(f.Payload) >> 2)
		account.Table(0, 3)
		account.Take(len(f.Payload) + 16 + 8 + growth*16)
		t := L.CreateTable(0, 3)
		t.RawSetString("type", lua.LNumber(f.Type))
		t.RawSetString("data", lua.LString(f.Payload))
		t.RawSetString("closing", lua.LBool(f.IsClosing()))
		list.Append(t)
		end = int(d.Offset())
		if f.IsClosing() {
			break // what follows is to be ignored, and is handed back
		}
	}
	L.Push(list)
	L.Push(lua.LString(s[end:]))
	return 2
}
