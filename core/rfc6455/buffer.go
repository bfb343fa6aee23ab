package rfc6455

import (
	"math/bits"
	"sync"
	"unsafe"
)

const (
	// smallest is the least that a buffer is made with.
	smallest = 512
	// keep is the size up to which a buffer stays with its decoder for good.
	keep = 4 << 10
	// patience is how many messages a buffer above keep may be of little use to before it is let go.
	patience = 64
)

// buffer is a slice that is used again for message after message.
type buffer struct {
	b    []byte
	idle int // messages that have used less than a quarter of it
}

// grow makes space for n more bytes. It doubles, but not beyond most bytes, which must suffice.
func (b *buffer) grow(n, most int) {
	need := len(b.b) + n
	if need <= cap(b.b) {
		return
	}
	double := 2 * cap(b.b)
	if double >= 2*spareLeast {
		double -= spareMore
	}
	grown := append(borrow(max(smallest, need, min(double, most)), most), b.b...)
	giveBack(b.b)
	b.b = grown
}

// release lets go of what nobody looks at any more.
func (b *buffer) release() {
	giveBack(b.b)
	*b = buffer{}
}

// spares are large buffers that were grown out of, until the next collections but one. A new one has to be cleared, and
// pays for garbage that others have made: that takes milliseconds, which others wait for. Their sizes are powers of two
// from spareLeast on, and spareMore, so that a message of as many bytes, and one to tell it from a larger one, fits.
var spares [10]sync.Pool

const (
	spareLeast = 256 << 10
	spareMore  = 4 << 10
)

// spareFor returns the number of the pool for n bytes, and the size of what is in it; -1 for none.
func spareFor(n int) (i, size int) {
	if n < spareLeast {
		return -1, 0
	}
	i = bits.Len(uint(max(0, n-spareMore-1) / spareLeast))
	return i, spareLeast<<i + spareMore
}

// borrow returns an empty buffer for n bytes, with more only where that is not above most.
func borrow(n, most int) []byte {
	i, size := spareFor(n)
	if i < 0 || i >= len(spares) || size > most+spareMore {
		return make([]byte, 0, n)
	}
	if p, ok := spares[i].Get().(*byte); ok {
		return unsafe.Slice(p, size)[:0]
	}
	return make([]byte, 0, size)
}

func giveBack(b []byte) {
	if i, size := spareFor(cap(b)); i >= 0 && i < len(spares) && size == cap(b) {
		spares[i].Put(unsafe.SliceData(b))
	}
}

// settle empties the buffer between two messages, and lets it go where it has been too large for a while.
func (b *buffer) settle() {
	used := len(b.b)
	b.b = b.b[:0]
	if cap(b.b) <= keep {
		return
	}
	if used > cap(b.b)/4 {
		b.idle = 0
		return
	}
	if b.idle++; b.idle >= patience {
		*b = buffer{}
	}
}
