package rfc6455

import (
	"bytes"
	"compress/flate"
	"io"
	"math"
	"sync"

	"github.com/gobwas/ws/wsflate"
)

// Inflating reports whether a message has come whole and is not inflated yet.
func (d *Decoder) Inflating() bool { return d.held != nil && d.held.inflater != nil }

// inflate goes on with the message that is being inflated.
func (d *Decoder) inflate() (Event, error) {
	h := d.held
	piece := math.MaxInt
	if d.Piece > 0 {
		piece = d.Piece - d.spent
	}
	had, size := len(h.plain.b), h.inflater.size
	done, err := h.inflater.read(&h.plain, piece)
	d.spent += len(h.plain.b) - had
	if !done && err == nil {
		d.spent = 0
		if h.lent {
			h.lent = false
			h.inflater.own()
		}
		return Event{}, ErrPaused
	}
	h.stopInflating()
	if err != nil {
		h.plain.release()
	}
	switch {
	case err == ErrMessageTooLarge:
		return Event{}, d.tooLarge(h.first.offset, "message of %d bytes is inflated to more than the limit of %d", size, d.limit())
	case err != nil:
		return Event{}, d.fail(h.first.offset, CodeInvalidPayload, err, "message of %d bytes cannot be inflated: %v", size, err)
	}
	return d.whole(&h.first, h.plain.b)
}

func (h *held) stopInflating() {
	if h.inflater != nil {
		h.inflater.release()
		h.inflater = nil
	}
}

// beginInflate borrows an inflater that appends to out what p holds.
func beginInflate(out *buffer, p []byte, limit int64) *inflater {
	c := inflaters.Get().(*inflater)
	limit = max(0, min(limit, math.MaxInt/2))
	c.start, c.most, c.blocks, c.size = len(out.b), len(out.b)+int(limit), 0, len(p)
	c.src.Reset(p)
	if len(p) > 0 {
		// Twice what has come is a first guess that costs a peer as much as us.
		out.grow(int(min(limit, 2*int64(len(p))))+1, c.most+1)
		c.r.Reset(&c.src)
	}
	return c
}

// read appends up to piece bytes to out, and reports whether that was all.
func (c *inflater) read(out *buffer, piece int) (done bool, err error) {
	if c.size == 0 {
		return true, nil // strictly it takes a byte to say nothing; some send none
	}
	for piece > 0 {
		// One byte more than the limit tells too long from just right.
		out.grow(1, c.most+1)
		space := out.b[len(out.b):min(cap(out.b), c.most+1)]
		n, err := c.r.Read(space[:min(len(space), piece)])
		out.b = out.b[:len(out.b)+n]
		piece -= n
		switch {
		case len(out.b) > c.most:
			return false, ErrMessageTooLarge
		case err == io.EOF && c.src.Len() == 0:
			return true, nil
		case err == io.EOF:
			// A final block may end before the message does; what follows is more of the same (section 7.2.3.5).
			if c.blocks++; c.blocks == maxFinal {
				return false, errFinalBlocks
			}
			c.dict = out.b[max(c.start, len(out.b)-window):]
			c.r.Reset(&c.src)
		case err != nil:
			return false, err
		}
	}
	return false, nil
}

// own copies what is not read yet, so that the caller may have it back.
func (c *inflater) own() {
	rest := make([]byte, c.src.Len())
	c.src.ReadAt(rest, c.src.Size()-int64(len(rest)))
	c.src.Reset(rest)
}

// inflater is a wsflate.Reader with what it reads from.
type inflater struct {
	r    *wsflate.Reader
	src  bytes.Reader
	dict []byte // what the window holds at the next Reset

	start, most int // of what is appended to
	blocks      int // final ones so far
	size        int // of what is read from
}

var inflaters = sync.Pool{New: func() any {
	c := new(inflater)
	c.r = wsflate.NewReader(&c.src, func(r io.Reader) wsflate.Decompressor {
		return &decompressor{flate.NewReader(r), c}
	})
	return c
}}

func (c *inflater) release() {
	c.src.Reset(nil)
	c.dict = nil
	inflaters.Put(c)
}

// decompressor gives a reader of compress/flate the Reset that wsflate looks for.
type decompressor struct {
	io.Reader
	c *inflater
}

// Reset implements wsflate.ReadResetter.
func (d *decompressor) Reset(r io.Reader) {
	// The error is always nil: the interface has one for other formats.
	_ = d.Reader.(flate.Resetter).Reset(r, d.c.dict)
}
