package rfc6455

const (
	// smallest is the least that a buffer is made with.
	smallest = 512
	// keep is the size up to which a buffer stays with its decoder for good.
	keep = 4 << 10
	// patience is how many messages a buffer above keep may be of little use
	// to before it is let go.
	patience = 64
)

// buffer is a slice that is used again for message after message.
type buffer struct {
	b    []byte
	idle int // messages that have used less than a quarter of it
}

// grow makes space for n more bytes. It doubles, but not beyond most bytes,
// which must suffice.
func (b *buffer) grow(n, most int) {
	need := len(b.b) + n
	if need <= cap(b.b) {
		return
	}
	size := max(smallest, need, min(2*cap(b.b), most))
	b.b = append(make([]byte, 0, size), b.b...)
}

// settle empties the buffer between two messages, and lets it go where it has
// been too large for a while.
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
