package lualib

import (
	"encoding/binary"
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/luastring"
)

// Packed values in the formats of Lua 5.3's string.pack. The machine is the same everywhere: little endian, int of 4,
// long, size_t and lua_Integer of 8 bytes, native alignment 8. Numbers are doubles, so integers beyond 2^53 are rounded.

// item is one option of a format.
type item struct {
	kind byte // i, u (integers), f (float or double), s (counted string), c (fixed), z (to a zero byte), x (padding)
	size int
	// pad is how many bytes of alignment go before it.
	pad int
}

// formatReader takes a format apart.
type formatReader struct {
	L      *lua.LState
	budget *luastring.Budget
	what   string
	format string
	order  binary.ByteOrder
	align  int // greatest alignment; 1: none
}

func (l *library) newFormat(L *lua.LState, what string) *formatReader {
	return &formatReader{L: L, budget: l.Budget, what: what, format: L.CheckString(1), order: binary.LittleEndian, align: 1}
}

// number reads a number in the format; absent if there is none.
func (f *formatReader) number(absent int) int {
	n, digits := 0, 0
	for f.format != "" && f.format[0] >= '0' && f.format[0] <= '9' {
		if n = n*10 + int(f.format[0]-'0'); n > 1<<30 {
			f.L.RaiseError("%s: a number in the format is too large", f.what)
		}
		f.format = f.format[1:]
		digits++
	}
	if digits == 0 {
		return absent
	}
	return n
}

// width is the size of an integer or a count, 1 to 8 bytes.
func (f *formatReader) width(absent int) int {
	n := f.number(absent)
	if n < 1 || n > 8 {
		f.L.RaiseError("%s: an integer of %d bytes; 1 to 8 are possible", f.what, n)
	}
	return n
}

// next returns the next item, which would begin at offset at. ok is false at the end.
func (f *formatReader) next(at int) (it item, ok bool) {
	for f.format != "" {
		f.budget.Spend(f.L, f.what, 1)
		it, option := f.option()
		if option == ' ' {
			continue
		}
		boundary := it.size
		switch {
		case option == 'X':
			if f.format == "" {
				f.L.RaiseError("%s: nothing to align to behind X", f.what)
			}
			next, o := f.option()
			if boundary = next.size; o == 'c' || boundary == 0 {
				f.L.RaiseError("%s: nothing to align to behind X", f.what)
			}
		case it.kind == 'c' || it.kind == 'z' || it.kind == 'x':
			boundary = 1
		}
		if boundary = min(boundary, f.align); boundary > 1 {
			if boundary&(boundary-1) != 0 {
				f.L.RaiseError("%s: %d is no power of 2 to align to", f.what, boundary)
			}
			it.pad = -at & (boundary - 1)
		}
		if option == 'X' {
			it.kind, it.size = 'x', 0
		}
		return it, true
	}
	return item{}, false
}

// option reads one letter and what belongs to it. ' ' stands for those that only change how others are read.
func (f *formatReader) option() (item, byte) {
	c := f.format[0]
	f.format = f.format[1:]
	switch c {
	case '<', '=':
		f.order = binary.LittleEndian
		return item{}, ' '
	case '>':
		f.order = binary.BigEndian
		return item{}, ' '
	case '!':
		f.align = f.number(8)
		if f.align < 1 || f.align > 16 {
			f.L.RaiseError("%s: an alignment of %d; 1 to 16 are possible", f.what, f.align)
		}
		return item{}, ' '
	case ' ':
		return item{}, ' '
	case 'b':
		return item{kind: 'i', size: 1}, c
	case 'B':
		return item{kind: 'u', size: 1}, c
	case 'h':
		return item{kind: 'i', size: 2}, c
	case 'H':
		return item{kind: 'u', size: 2}, c
	case 'l', 'j':
		return item{kind: 'i', size: 8}, c
	case 'L', 'J', 'T':
		return item{kind: 'u', size: 8}, c
	case 'i':
		return item{kind: 'i', size: f.width(4)}, c
	case 'I':
		return item{kind: 'u', size: f.width(4)}, c
	case 'f':
		return item{kind: 'f', size: 4}, c
	case 'd', 'n':
		return item{kind: 'f', size: 8}, c
	case 's':
		return item{kind: 's', size: f.width(8)}, c
	case 'c':
		n := f.number(-1)
		if n < 0 {
			f.L.RaiseError("%s: c needs a size, as in c10", f.what)
		}
		return item{kind: 'c', size: n}, c
	case 'z':
		return item{kind: 'z'}, c
	case 'x':
		return item{kind: 'x', size: 1}, c
	case 'X':
		return item{}, c
	}
	f.L.RaiseError("%s: unknown format option %q", f.what, string([]byte{c}))
	return item{}, c
}

func (l *library) pack(L *lua.LState) int {
	const what = "pack"
	f := l.newFormat(L, what)
	account := l.Budget.Account(L, what, len(f.format))
	var out []byte
	arg := 1
	for {
		it, ok := f.next(len(out))
		if !ok {
			break
		}
		out = account.Grow(out, it.pad+it.size)
		out = append(out, make([]byte, it.pad)...)
		if it.kind != 'x' {
			arg++
		}
		switch it.kind {
		case 'i', 'u':
			out = f.appendInteger(out, checkInteger(L, arg, it), it.size)
		case 'f':
			v := float64(L.CheckNumber(arg))
			if it.size == 4 {
				out = f.appendInteger(out, uint64(math.Float32bits(float32(v))), 4)
			} else {
				out = f.appendInteger(out, math.Float64bits(v), 8)
			}
		case 's':
			s := L.CheckString(arg)
			if it.size < 4 && len(s) >= 1<<(8*it.size) {
				L.ArgError(arg, "the string is too long for its count")
			}
			account.Text(len(s))
			out = account.Grow(out, it.size+len(s))
			out = append(f.appendInteger(out, uint64(len(s)), it.size), s...)
		case 'c':
			s := L.CheckString(arg)
			if len(s) > it.size {
				L.ArgError(arg, "the string is longer than its place")
			}
			out = append(append(out, s...), make([]byte, it.size-len(s))...)
		case 'z':
			s := L.CheckString(arg)
			if strings.IndexByte(s, 0) >= 0 {
				L.ArgError(arg, "the string has a zero byte")
			}
			account.Text(len(s))
			out = account.Grow(out, len(s)+1)
			out = append(append(out, s...), 0)
		case 'x':
			out = append(out, make([]byte, it.size)...)
		}
	}
	L.Push(account.String(out))
	return 1
}

// checkInteger returns the integer that is argument n as bits, if it fits.
func checkInteger(L *lua.LState, n int, it item) uint64 {
	f := float64(L.CheckNumber(n))
	if f != math.Trunc(f) || math.IsInf(f, 0) {
		L.ArgError(n, "number has no integer representation")
	}
	low, high := 0.0, math.Ldexp(1, 8*it.size)
	if it.kind == 'i' {
		high /= 2
		low = -high
	}
	if f < low || f >= high {
		L.ArgError(n, "the integer does not fit")
	}
	if f < 0 {
		return uint64(int64(f))
	}
	return uint64(f)
}

func (f *formatReader) appendInteger(out []byte, v uint64, size int) []byte {
	var b [8]byte
	if f.order == binary.BigEndian {
		binary.BigEndian.PutUint64(b[:], v)
		return append(out, b[8-size:]...)
	}
	binary.LittleEndian.PutUint64(b[:], v)
	return append(out, b[:size]...)
}

func (f *formatReader) integer(s string) uint64 {
	var b [8]byte
	if f.order == binary.BigEndian {
		copy(b[8-len(s):], s)
		return binary.BigEndian.Uint64(b[:])
	}
	copy(b[:], s)
	return binary.LittleEndian.Uint64(b[:])
}

// unpack returns the values, and the position behind them. Data that is too short is nil and a message.
func (l *library) unpack(L *lua.LState) int {
	const what = "unpack"
	f, s := l.newFormat(L, what), L.CheckString(2)
	at := position(L, 3, 1, len(s))
	if at < 0 || at > len(s) {
		L.ArgError(3, "position out of the string")
	}
	L.SetTop(0)
	short := func() int {
		L.SetTop(0)
		return fail(L, "unpack: the data ends at byte %d, in a value", len(s))
	}
	for {
		it, ok := f.next(at)
		if !ok {
			L.Push(lua.LNumber(at + 1))
			return L.GetTop()
		}
		if L.GetTop() > 8000 {
			L.RaiseError("unpack: too many values")
		}
		at += it.pad
		if len(s)-at < it.size {
			return short()
		}
		field := s[at : at+it.size]
		at += it.size
		switch it.kind {
		case 'i':
			unused := 64 - 8*it.size
			L.Push(lua.LNumber(int64(f.integer(field)<<unused) >> unused))
		case 'u':
			L.Push(lua.LNumber(f.integer(field)))
		case 'f':
			if it.size == 4 {
				L.Push(lua.LNumber(math.Float32frombits(uint32(f.integer(field)))))
			} else {
				L.Push(lua.LNumber(math.Float64frombits(f.integer(field))))
			}
		case 's':
			n := f.integer(field)
			if n > uint64(len(s)-at) {
				return short()
			}
			L.Push(lua.LString(s[at : at+int(n)]))
			at += int(n)
		case 'c':
			L.Push(lua.LString(field))
		case 'z':
			n := strings.IndexByte(s[at:], 0)
			if n < 0 {
				return short()
			}
			L.Push(lua.LString(s[at : at+n]))
			at += n + 1
		}
	}
}

// packsize returns how many bytes a format takes that has no s or z.
func (l *library) packsize(L *lua.LState) int {
	f := l.newFormat(L, "packsize")
	size := 0
	for {
		it, ok := f.next(size)
		if !ok {
			L.Push(lua.LNumber(size))
			return 1
		}
		if it.kind == 's' || it.kind == 'z' {
			L.ArgError(1, "a format with s or z has no fixed size")
		}
		if size += it.pad + it.size; size > 1<<30 {
			L.ArgError(1, "the format is too large")
		}
	}
}
