package rfc6455

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// outcome is all that a stream comes to.
type outcome struct {
	events []Event
	err    *SyntaxError // nil: none
	end    string       // what End says
	offset int64        // after the last event, or where the input ran out
	rest   string       // behind a Close
}

// run feeds chunks to d and collects what comes out. Every chunk is copied
// first, as the decoder unmasks in place, and spoiled once it has been given
// back; so is the data of an event. Where Buffer offers space, the start of a
// chunk goes there.
func run(t testing.TB, d *Decoder, chunks [][]byte) (o outcome) {
	t.Helper()
	for i, c := range chunks {
		c = append([]byte(nil), c...)
		for len(c) > 0 {
			var fed []byte
			if b := d.Buffer(); b != nil {
				n := copy(b, c)
				d.Advance(n)
				c = c[n:]
			} else {
				d.Feed(c)
				fed, c = c, nil
			}
			for {
				ev, err := d.Next()
				if err == ErrPaused {
					if !d.Inflating() || d.Between() {
						t.Fatal("paused, and nothing is inflated")
					}
					d.Own()
					spoil(fed)
					fed = nil
					continue
				}
				if err == nil {
					data := ev.Data
					ev.Data = append([]byte(nil), data...)
					spoil(data)
					o.events = append(o.events, ev)
				}
				if err == nil && ev.Kind == Close {
					o.offset, o.rest = d.Offset(), string(d.Rest())+string(c)
					for _, more := range chunks[i+1:] {
						o.rest += string(more)
					}
					return o
				}
				if err == ErrIncomplete {
					spoil(fed)
					break
				}
				if err != nil {
					if !errors.As(err, &o.err) {
						t.Fatalf("error %v (%T), want a *SyntaxError", err, err)
					}
					if _, again := d.Next(); again != err {
						t.Fatalf("Next after %v: %v", err, again)
					}
					return o
				}
			}
			if len(d.Rest()) > 0 {
				t.Fatalf("ErrIncomplete with %d bytes left", len(d.Rest()))
			}
		}
	}
	o.offset = d.Offset()
	if err := d.End(); err != nil {
		o.end = err.Error()
	}
	return o
}

func spoil(p []byte) {
	for i := range p {
		p[i] = 0xDB
	}
}

// sameOutcome fails the test where two outcomes differ.
func sameOutcome(t testing.TB, got, want outcome, what string) {
	t.Helper()
	if len(got.events) != len(want.events) {
		t.Fatalf("%s: %d events, want %d", what, len(got.events), len(want.events))
	}
	for i, g := range got.events {
		w := want.events[i]
		if g.Kind != w.Kind || string(g.Data) != string(w.Data) || g.Code != w.Code || g.Reason != w.Reason || g.Offset != w.Offset {
			t.Fatalf("%s: event %d is %v %d %q at %d with %d bytes %.60q, want %v %d %q at %d with %d bytes %.60q", what, i,
				g.Kind, g.Code, g.Reason, g.Offset, len(g.Data), g.Data, w.Kind, w.Code, w.Reason, w.Offset, len(w.Data), w.Data)
		}
	}
	if (got.err == nil) != (want.err == nil) || got.err != nil &&
		(got.err.Offset != want.err.Offset || got.err.Reason != want.err.Reason || got.err.Code != want.err.Code) {
		t.Fatalf("%s: error %v, want %v", what, got.err, want.err)
	}
	if got.end != want.end || got.offset != want.offset || got.rest != want.rest {
		t.Fatalf("%s: end %q at %d with rest %x, want %q at %d with %x", what, got.end, got.offset, got.rest, want.end, want.offset, want.rest)
	}
}

// pieces cuts b into pieces of n bytes.
func pieces(b []byte, n int) (chunks [][]byte) {
	for len(b) > n {
		chunks = append(chunks, b[:n])
		b = b[n:]
	}
	return append(chunks, b)
}

// unhex makes bytes of hex with blanks and comments up to the end of the line.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(s) {
		line, _, _ = strings.Cut(line, "#")
		b.WriteString(strings.Join(strings.Fields(line), ""))
	}
	p, err := hex.DecodeString(b.String())
	if err != nil {
		t.Fatal(err)
	}
	return p
}
