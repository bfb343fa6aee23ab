package format

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
)

// tallied are streams with whole messages, and with one more that is cut.
var tallied = []struct {
	o      Options
	stream string
}{
	{Options{}, "a\n\nbb\r\nccc"},
	{Options{}, "a\nb\n"},
	{Options{Format: Nul}, "a\x00\x00b\n\x00c"},
	{Options{Format: Hex}, "00\n0a 0b\n"},
	{Options{Format: Base64}, "QQ==\nQUI\nQUJD"},
	{Options{Format: JSON}, "{\"data\":\"a\"}\n\n \t\n{\"data\":\"b\"}\n {\"data\":\"c\"}"},
	{Options{Format: Len32}, "\x00\x00\x00\x01a\x00\x00\x00\x00\x00\x00\x00\x02bc"},
	{Options{Format: Len32}, "\x00\x00\x00\x01a\x00\x00\x00\x09bc"},
	{Options{Format: Len32}, "\x00\x00\x00\x01a\x00\x00"},
	{Options{Format: Whole}, "a\nb"},
	{Options{Format: Whole}, ""},
}

// A Tally counts what a Reader returns, wherever the stream is split.
func TestTally(t *testing.T) {
	for _, c := range tallied {
		for at := range len(c.stream) + 1 {
			pr, pw := io.Pipe()
			go func() {
				for _, part := range []string{c.stream[:at], c.stream[at:]} {
					pw.Write([]byte(part))
				}
				pw.Close()
			}()
			r := NewReader(pr, c.o)
			var want uint64
			for _, err := r.Read(); err == nil; _, err = r.Read() {
				want++
			}
			tally := NewTally(c.o)
			tally.Write([]byte(c.stream[:at]))
			tally.Write([]byte(c.stream[at:]))
			if got := tally.Messages(true); got != want {
				t.Errorf("%s %q split at %d: %d messages, a Reader has %d", c.o.Format, c.stream, at, got, want)
			}
		}
	}
}

// What was read is either received or left, however many of it were received.
func TestEndpointLeft(t *testing.T) {
	for _, c := range tallied {
		whole := NewTally(c.o)
		whole.Write([]byte(c.stream))
		for n := uint64(1); n <= whole.Messages(false); n++ {
			near, far := net.Pipe()
			e := NewEndpoint(near, near, EndpointOptions{In: c.o, Close: near.Close})
			go io.WriteString(far, c.stream) // which one read takes
			for range n {
				if _, err := e.Receive(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			e.Close(t.Context())
			if e.Received() != n || e.Received()+e.Left() != whole.Messages(false) {
				t.Errorf("%s %q: %d of %d received and %d left", c.o.Format, c.stream, e.Received(), n, e.Left())
			}
		}
	}
}

// begun calls a function when it is read from.
type begun struct {
	net.Conn
	f func()
}

func (b begun) Read(p []byte) (int, error) {
	b.f()
	return b.Conn.Read(p)
}

// A Receive that was given up has a message read that nobody gets.
func TestEndpointLeftGivenUp(t *testing.T) {
	near, far := net.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	in := begun{near, cancel}
	e := NewEndpoint(in, in, EndpointOptions{Close: near.Close})
	if _, err := e.Receive(ctx); err != context.Canceled {
		t.Fatal(err)
	}
	io.WriteString(far, "a\nb\nc")
	e.Close(t.Context())
	if e.Received() != 0 || e.Left() != 2 {
		t.Errorf("%d received and %d left", e.Received(), e.Left())
	}
}

// The last line needs no newline where the stream ends.
func TestEndpointLeftEnded(t *testing.T) {
	e := NewEndpoint(iotest.DataErrReader(strings.NewReader("a\nb\nc")), io.Discard, EndpointOptions{})
	if _, err := e.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.Close(t.Context())
	if e.Left() != 2 {
		t.Errorf("%d left", e.Left())
	}
}
