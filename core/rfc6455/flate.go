package rfc6455

import (
	"compress/flate"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/gobwas/ws/wsflate"
)

// DefaultThreshold is the Threshold of a Flate whose own is 0.
const DefaultThreshold = 256

const (
	// window is how far DEFLATE looks back, in bytes.
	window = wsflate.MaxLZ77WindowSize
	// maxFinal is how many final blocks a message may consist of. Sections 7.2.1 and 7.2.2 of RFC 7692 allow any
	// number; each costs a window to be copied, however short the block, so there is a bound.
	maxFinal = 16
)

var errFinalBlocks = fmt.Errorf("more than %d final blocks in a message", maxFinal)

// Flate compresses and decompresses messages as permessage-deflate does (RFC
// 7692) without context takeover: each message by itself. Compressors and
// decompressors, which are large, are pooled and only borrowed for a message.
//
// The zero value is ready. A Flate is safe for concurrent use and may serve any number of connections; the methods that
// send accept nil, which never compresses.
type Flate struct {
	// Threshold is the size in bytes from which on AppendMessage compresses: 0
	// stands for DefaultThreshold, a negative number for every message.
	Threshold int
}

// AppendMessage is like the function AppendMessage, except that it compresses p
// where p is not below the threshold and becomes shorter by it.
func (f *Flate) AppendMessage(dst []byte, text bool, p []byte, mask *[4]byte) []byte {
	if !f.worth(p) {
		return AppendMessage(dst, text, p, mask)
	}
	// The size of the header depends on what comes after it: compress behind the largest, then move up.
	start := len(dst)
	var space [MaxHeader]byte
	long, err := f.AppendDeflate(append(dst, space[:]...), p)
	packed := long[start+MaxHeader:]
	if err != nil || len(packed) >= len(p) {
		return AppendMessage(long[:start], text, p, mask)
	}
	return appendFrame(long[:start], dataOp(text), true, packed, mask)
}

func (f *Flate) worth(p []byte) bool {
	if f == nil {
		return false
	}
	if f.Threshold == 0 {
		return len(p) >= DefaultThreshold
	}
	return len(p) >= f.Threshold
}

// AppendDeflate appends p in compressed form to dst: the payload of a message with RSV1 set. It does not look at the
// threshold. It fails only if the compressor does, and then returns dst as it was.
func (f *Flate) AppendDeflate(dst, p []byte) ([]byte, error) {
	c := deflaters.Get().(*deflater)
	defer c.release()
	c.out.b = dst
	c.w.Reset(&c.out)
	if _, err := c.w.Write(p); err != nil {
		return dst, fmt.Errorf("compressing a message of %d bytes: %w", len(p), err)
	}
	if err := c.w.Flush(); err != nil {
		return dst, fmt.Errorf("compressing a message of %d bytes: %w", len(p), err)
	}
	return c.out.b, nil
}

// AppendInflate appends to dst what the payload p of a compressed message holds. Where that is more than limit bytes
// (at least 0) it stops there and returns ErrMessageTooLarge: a few bytes can claim a thousand times as many. With any
// error it returns dst as it was.
func (f *Flate) AppendInflate(dst, p []byte, limit int64) ([]byte, error) {
	out := buffer{b: dst}
	c := beginInflate(&out, p, limit)
	defer c.release()
	for {
		switch done, err := c.read(&out, math.MaxInt); {
		case err != nil:
			return dst, err
		case done:
			return out.b, nil
		}
	}
}

// deflater is a wsflate.Writer with what it writes to.
type deflater struct {
	w   *wsflate.Writer
	out sliceWriter
}

type sliceWriter struct{ b []byte }

func (w *sliceWriter) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

var deflaters = sync.Pool{New: func() any {
	c := new(deflater)
	c.w = wsflate.NewWriter(&c.out, func(w io.Writer) wsflate.Compressor {
		// The fastest level: on JSON of 4 KiB it takes less than half the time
		// of the default and the result is a twentieth longer.
		fw, err := flate.NewWriter(w, flate.BestSpeed)
		if err != nil {
			panic(err) // only for a level that does not exist
		}
		return fw
	})
	return c
}}

func (c *deflater) release() {
	c.out.b = nil
	deflaters.Put(c)
}
