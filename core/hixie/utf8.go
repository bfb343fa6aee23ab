package hixie

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"github.com/segmentio/asm/ascii"
	asm "github.com/segmentio/asm/utf8"
)

// ValidUTF8 reports whether p is UTF-8 throughout. It is [utf8.Valid], several times faster on text that is not ASCII.
func ValidUTF8(p []byte) bool { return ascii.Valid(p) || asm.Valid(p) }

// InvalidAt returns the offset of the first byte of p that no UTF-8 can have there, which is where an incomplete or
// forbidden sequence begins, or -1 when p is UTF-8 throughout.
func InvalidAt(p []byte) int {
	if ValidUTF8(p) {
		return -1
	}
	return validPrefix(p)
}

// AppendValidUTF8 appends p to dst with each byte that is not part of valid UTF-8
// replaced by U+FFFD, as a client must (section 4.3) and a server may (5.4), and returns
// the extended slice. One U+FFFD stands for one byte, as with [utf8.DecodeRune].
func AppendValidUTF8(dst, p []byte) []byte {
	for !ValidUTF8(p) {
		n := validPrefix(p)
		dst = append(dst, p[:n]...)
		dst = utf8.AppendRune(dst, utf8.RuneError)
		p = p[n+1:]
	}
	return append(dst, p...)
}

// validPrefix returns the number of bytes before the first invalid one.
func validPrefix(p []byte) int {
	n := 0
	for n < len(p) {
		if p[n] < utf8.RuneSelf {
			n++
			continue
		}
		r, size := utf8.DecodeRune(p[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	return n
}

// unfinishedRune returns how many bytes at the end of p begin a character that more bytes could finish: 0 to 3.
func unfinishedRune(p []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		if c := p[len(p)-n]; utf8.RuneStart(c) {
			if utf8.FullRune(p[len(p)-n:]) {
				return 0
			}
			return n
		}
	}
	return 0
}

// shortText is up to where asciiRun looks: behind that the assembly of IndexByte
// and ValidUTF8, in two passes, is faster than words in one.
const shortText = 256

// textEnd returns where the sentinel is in p, -1 for nowhere, and whether all before it
// is known to be ASCII. first says that the frame is the first of a read: a large one
// is often the last, too, and then looking at it once is enough.
func textEnd(p []byte, first bool) (n int, isASCII bool) {
	if n = len(p) - 1; first && n >= 0 && p[n] == sentinel && ascii.Valid(p[:n]) {
		return n, true
	}
	return bytes.IndexByte(p, sentinel), false
}

// asciiRun returns how many bytes at the start of p are below 0x80. It looks at shortText of them at most.
func asciiRun(p []byte) int {
	const high = 0x8080808080808080
	p = p[:min(len(p), shortText)]
	n := len(p)
	for len(p) >= 32 {
		b := p[:32]
		w0, w1 := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
		w2, w3 := binary.LittleEndian.Uint64(b[16:]), binary.LittleEndian.Uint64(b[24:])
		if (w0|w1|w2|w3)&high != 0 {
			break
		}
		p = p[32:]
	}
	for len(p) >= 8 {
		if w := binary.LittleEndian.Uint64(p) & high; w != 0 {
			return n - len(p) + bits.TrailingZeros64(w)/8
		}
		p = p[8:]
	}
	for i, c := range p {
		if c >= utf8.RuneSelf {
			return n - len(p) + i
		}
	}
	return n
}
