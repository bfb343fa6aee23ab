package rfc6455

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
	"pgregory.net/rapid"
)

// drawFrame draws a frame, mostly a sensible one, and appends it.
func drawFrame(t *rapid.T, dst []byte, masked bool) []byte {
	op := rapid.SampledFrom([]byte{1, 1, 1, 2, 2, 0, 0, 0, 9, 10, 8, 3}).Draw(t, "op")
	fin := op >= 8 || rapid.IntRange(0, 2).Draw(t, "fin") > 0
	n := rapid.SampledFrom([]int{0, 1, 2, 3, 5, 17, 100, 125, 126, 127, 300, 65535, 65536, 70000}).Draw(t, "length")
	if op >= 8 {
		n = min(n, 125+n/60000) // a few are too long
	}
	p := bytes.Repeat([]byte("aé€"), n/6+1)[:n]
	switch rapid.IntRange(0, 9).Draw(t, "what") {
	case 0:
		p = append([]byte(nil), p...)
		for i := range p {
			p[i] = byte(i*i) + 3
		}
	case 1, 2, 3:
		for i := range p {
			p[i] = 'x'
		}
	}
	if op == OpClose && n >= 2 {
		binary.BigEndian.PutUint16(p, rapid.SampledFrom([]uint16{1000, 1001, 3000, 4999, 1005, 2000}).Draw(t, "code"))
	}
	compressed := rapid.IntRange(0, 5).Draw(t, "compressed") == 0
	if compressed && fin && (op == OpText || op == OpBinary) {
		var err error
		if p, err = new(Flate).AppendDeflate(nil, p); err != nil {
			t.Fatal(err)
		}
	}
	var mask *[4]byte
	if masked {
		mask = new([4]byte)
		binary.NativeEndian.PutUint32(mask[:], rapid.Uint32().Draw(t, "mask"))
	}
	if rapid.IntRange(0, 40).Draw(t, "wrong mask") == 0 {
		mask = nil
	}
	dst = AppendHeader(dst, op, fin, compressed, len(p), mask)
	start := len(dst)
	dst = append(dst, p...)
	if mask != nil {
		Mask(dst[start:], *mask, 0)
	}
	return dst
}

// reference reads a stream with the library's own reader and checks. ok is
// false where it finds a mistake.
func reference(stream []byte, masked, deflate bool) (events []Event, ok bool) {
	r := bytes.NewReader(stream)
	state := ws.StateClientSide
	if masked {
		state = ws.StateServerSide
	}
	if deflate {
		state = state.Set(ws.StateExtended)
	}
	var msg []byte
	var first ws.Header
	for {
		h, err := ws.ReadHeader(r)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return events, true
		}
		if err != nil || ws.CheckHeader(h, state) != nil {
			return events, false
		}
		if rsv, err := wsflate.IsCompressed(h); err != nil || rsv && !deflate {
			return events, false
		}
		p := make([]byte, h.Length)
		if _, err := io.ReadFull(r, p); err != nil {
			return events, true
		}
		if h.Masked {
			for i := range p {
				p[i] ^= h.Mask[i&3]
			}
		}
		switch {
		case h.OpCode == ws.OpClose:
			ev := Event{Kind: Close, Code: CodeNoStatus}
			if len(p) == 1 {
				return events, false
			}
			if len(p) > 0 {
				code, reason := ws.ParseCloseFrameData(p)
				if ws.CheckCloseFrameData(code, reason) != nil {
					return events, false
				}
				ev.Code, ev.Reason = int(code), reason
			}
			return append(events, ev), true
		case h.OpCode.IsControl():
			events = append(events, Event{Kind: EventKind(h.OpCode), Data: p})
			continue
		case h.OpCode != ws.OpContinuation:
			first, msg = h, nil
		}
		msg = append(msg, p...)
		state = state.Set(ws.StateFragmented)
		if !h.Fin {
			continue
		}
		state = state.Clear(ws.StateFragmented)
		if first.Rsv1() {
			if msg, err = referenceInflate(msg); err != nil {
				return events, false
			}
		}
		if first.OpCode == ws.OpText && !utf8.Valid(msg) {
			return events, false
		}
		events = append(events, Event{Kind: EventKind(first.OpCode), Data: msg})
	}
}

// referenceInflate inflates a message with the library alone, unless it goes on
// behind a final block, which RFC 7692 section 7.2.2 allows and the library
// drops.
func referenceInflate(msg []byte) ([]byte, error) {
	src := bytes.NewReader(msg)
	r := wsflate.NewReader(src, func(r io.Reader) wsflate.Decompressor { return flate.NewReader(r) })
	out, err := io.ReadAll(r)
	if err == nil && src.Len() > 0 {
		return new(Flate).AppendInflate(nil, msg, DefaultMaxMessage)
	}
	return out, err
}

// Whatever the split, the events, the error and the end are the same, and they
// are what the library makes of the stream.
func TestSplitProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		masked, deflate := rapid.Bool().Draw(t, "masked"), rapid.Bool().Draw(t, "deflate")
		var stream []byte
		for range rapid.IntRange(1, 8).Draw(t, "frames") {
			stream = drawFrame(t, stream, masked)
		}
		cut := rapid.Bool().Draw(t, "cut")
		if cut {
			stream = stream[:rapid.IntRange(0, len(stream)).Draw(t, "at")]
		}
		piece := 0
		decoder := func() *Decoder {
			d := &Decoder{Masked: masked, Piece: piece}
			if deflate {
				d.Inflate = new(Flate)
			}
			return d
		}
		tb := fatalf{t: t}
		whole := run(tb, decoder(), [][]byte{stream})
		checkReference(t, whole, stream, masked, deflate, cut)
		sameOutcome(tb, run(tb, decoder(), pieces(stream, 1)), whole, "byte by byte")
		for range 5 {
			n := rapid.IntRange(0, len(stream)).Draw(t, "split")
			sameOutcome(tb, run(tb, decoder(), [][]byte{stream[:n], stream[n:]}), whole, "in two")
			sameOutcome(tb, run(tb, decoder(), pieces(stream, n+1)), whole, "in pieces")
			piece = rapid.SampledFrom([]int{0, 1, 100, 70000}).Draw(t, "piece")
		}
	})
}

// checkReference compares what the decoder made of stream with what the library
// does.
func checkReference(t rapid.TB, whole outcome, stream []byte, masked, deflate, cut bool) {
	events, ok := reference(stream, masked, deflate)
	// In a frame that is cut short the decoder sees a mistake first.
	if len(events) != len(whole.events) || ok != (whole.err == nil) && !(cut && ok) {
		t.Fatalf("%d events, error %v; the library has %d events, accepts %v", len(whole.events), whole.err, len(events), ok)
	}
	for i, w := range events {
		if g := whole.events[i]; g.Kind != w.Kind || !bytes.Equal(g.Data, w.Data) || g.Code != w.Code || g.Reason != w.Reason {
			t.Fatalf("event %d: %v %d %q %.40q, the library has %v %d %q %.40q", i, g.Kind, g.Code, g.Reason, g.Data, w.Kind, w.Code, w.Reason, w.Data)
		}
	}
}

// fatalf makes a testing.TB, as far as the helpers use one, of a rapid.TB.
type fatalf struct {
	testing.TB
	t rapid.TB
}

func (f fatalf) Helper()                           { f.t.Helper() }
func (f fatalf) Fatalf(format string, args ...any) { f.t.Fatalf(format, args...) }
