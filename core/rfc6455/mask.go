package rfc6455

import (
	"encoding/binary"
	"math/bits"

	"github.com/gobwas/ws"
)

// Mask masks p in place, or unmasks it, which is the same (section 5.3). pos is
// the position of p[0] in the frame's payload.
func Mask(p []byte, mask [4]byte, pos int) {
	m := bits.RotateLeft32(binary.LittleEndian.Uint32(mask[:]), -8*(pos&3))
	// The library's cipher is the fastest there is on whole blocks of 16 bytes (twice crypto/subtle at 4 KiB) but goes
	// byte by byte over the rest, which is most of the time that a short message takes. Words do it in half.
	if n := len(p) &^ 15; n > 0 {
		binary.LittleEndian.PutUint32(mask[:], m)
		ws.Cipher(p[:n], mask, 0)
		p = p[n:]
	}
	if len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^(uint64(m)<<32|uint64(m)))
		p = p[8:]
	}
	if len(p) >= 4 {
		binary.LittleEndian.PutUint32(p, binary.LittleEndian.Uint32(p)^m)
		p = p[4:]
	}
	for i := range p {
		p[i] ^= byte(m)
		m >>= 8
	}
}
