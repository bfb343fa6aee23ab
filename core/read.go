package core

import "io"

// source is where a connection reads from. What Read returns is lent until the next Read.
type source interface{ Read() ([]byte, error) }

// growing is a source with a buffer of its own, which grows while reads fill it.
type growing struct {
	stream io.Reader
	buf    []byte
	filled bool // the last read filled it
}

func (g *growing) Read() ([]byte, error) {
	if len(g.buf) == 0 || g.filled && len(g.buf) < readLarge {
		g.buf = make([]byte, min(max(readSmall, 4*len(g.buf)), readLarge))
	}
	n, err := g.stream.Read(g.buf)
	g.filled = n == len(g.buf)
	return g.buf[:n], err
}
