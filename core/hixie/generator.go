package hixie

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
)

// Limits of a generated key: section 4.1 steps 16 and 21.
const (
	maxSpaces = 12
	maxNoise  = 12
	maxKey    = 10 + maxNoise + maxSpaces // 4294967295 has ten digits
)

// A Generator makes challenges the way section 4.1 tells a client to. It is not for concurrent use.
type Generator struct {
	r     io.Reader
	block [512]byte // of random bytes; those before used are spent
	used  int
	key1  [maxKey]byte
	key2  [maxKey]byte
}

// NewGenerator returns a Generator that takes its randomness from r, in blocks.
// The same bytes make the same challenges.
func NewGenerator(r io.Reader) *Generator {
	g := &Generator{r: r}
	g.used = len(g.block)
	return g
}

// Next returns a fresh challenge. Its slices are valid until the next call. The
// error is that of the source of randomness.
func (g *Generator) Next() (c Challenge, err error) {
	if c.Key1, err = g.key(g.key1[:0]); err != nil {
		return Challenge{}, err
	}
	if c.Key2, err = g.key(g.key2[:0]); err != nil {
		return Challenge{}, err
	}
	// 26. Let /key_3/ be eight random bytes.
	key3, err := g.take(8)
	if err != nil {
		return Challenge{}, err
	}
	copy(c.Key3[:], key3)
	return c, nil
}

// Shuffle puts fields into a random order, as step 24 asks of a client.
func (g *Generator) Shuffle(fields Fields) error {
	for i := len(fields) - 1; i > 0; i-- {
		j, err := g.below(uint32(i + 1))
		if err != nil {
			return err
		}
		fields[i], fields[j] = fields[j], fields[i]
	}
	return nil
}

// key appends a fresh key to dst, which is empty and has room for maxKey bytes.
func (g *Generator) key(dst []byte) ([]byte, error) {
	// 16. Let /spaces_n/ be a random integer from 1 to 12 inclusive.
	n, err := g.below(maxSpaces)
	if err != nil {
		return nil, err
	}
	spaces := n + 1

	// 17. Let /max_n/ be the largest integer not greater than 4,294,967,295
	//     divided by /spaces_n/.
	most := math.MaxUint32 / spaces

	// 18. Let /number_n/ be a random integer from 0 to /max_n/ inclusive.
	number, err := g.upTo(most)
	if err != nil {
		return nil, err
	}

	// 19. Let /product_n/ be /number_n/ times /spaces_n/. By step 17 it fits.
	product := number * spaces

	// 20. Let /key_n/ be /product_n/ in base ten.
	dst = strconv.AppendUint(dst, uint64(product), 10)

	// 21. Insert one to twelve random characters of U+0021..U+002F and
	//     U+003A..U+007E at random positions.
	const low, high = 0x2F - 0x21 + 1, 0x7E - 0x3A + 1
	noise, err := g.below(maxNoise)
	if err != nil {
		return nil, err
	}
	for range noise + 1 {
		c, err := g.below(low + high)
		if err != nil {
			return nil, err
		}
		if c += 0x21; c > 0x2F {
			c += 0x3A - 0x30 // step over the digits
		}
		at, err := g.below(uint32(len(dst)) + 1)
		if err != nil {
			return nil, err
		}
		dst = insert(dst, at, byte(c))
	}

	// 22. Insert /spaces_n/ spaces at random positions other than the start
	//     and the end. A digit and a character of step 21 are there: there is
	//     always such a position.
	for range spaces {
		at, err := g.below(uint32(len(dst)) - 1)
		if err != nil {
			return nil, err
		}
		dst = insert(dst, at+1, ' ')
	}
	return dst, nil
}

// insert puts c before dst[at]. There is room: dst is as large as a key gets.
func insert(dst []byte, at uint32, c byte) []byte {
	dst = dst[:len(dst)+1]
	copy(dst[at+1:], dst[at:])
	dst[at] = c
	return dst
}

// take returns the next n random bytes, valid until the next call; n is small.
func (g *Generator) take(n int) ([]byte, error) {
	if g.used+n > len(g.block) {
		if _, err := io.ReadFull(g.r, g.block[:]); err != nil {
			return nil, fmt.Errorf("reading random bytes for a challenge: %w", err)
		}
		g.used = 0
	}
	b := g.block[g.used : g.used+n]
	g.used += n
	return b, nil
}

// below returns a random integer from 0 to n-1, each equally likely; n is from 1 to 65536. It takes the upper half of a
// product of n and 16 random bits and throws away the few draws that would make some results likelier (Lemire, Fast
// random integer generation in an interval, 2019).
func (g *Generator) below(n uint32) (uint32, error) {
	for {
		b, err := g.take(2)
		if err != nil {
			return 0, err
		}
		product := uint32(binary.LittleEndian.Uint16(b)) * n
		if rest := product & 0xFFFF; rest >= n || rest >= (1<<16)%n {
			return product >> 16, nil
		}
	}
}

// upTo returns a random integer from 0 to most, each equally likely, in the same way from 32 random bits.
func (g *Generator) upTo(most uint32) (uint32, error) {
	n := uint64(most) + 1
	for {
		b, err := g.take(4)
		if err != nil {
			return 0, err
		}
		product := uint64(binary.LittleEndian.Uint32(b)) * n
		if rest := product & math.MaxUint32; rest >= n || rest >= (1<<32)%n {
			return uint32(product >> 32), nil
		}
	}
}
