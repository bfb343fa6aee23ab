package format

import (
	"bytes"
	"encoding/binary"
	"io"
)

// Tally counts the messages in the bytes of a stream that are written to it, and keeps
// none of them. What is in a message is not looked at.
type Tally struct {
	o     Options
	whole uint64
	open  bool   // a message has begun
	head  []byte // of Len32: of a length
	more  int64  // of Len32: bytes until the message is whole
}

// NewTally returns a Tally of a stream of messages as o says, at the beginning of one.
func NewTally(o Options) *Tally { return &Tally{o: o.withDefaults()} }

// Write takes all of p.
func (t *Tally) Write(p []byte) (n int, err error) {
	switch t.o.Format {
	case Whole, Raw:
		t.open = t.open || len(p) > 0
	case Len32:
		t.lengths(p)
	default:
		t.records(p)
	}
	return len(p), nil
}

func (t *Tally) records(p []byte) {
	delim := t.o.delimiter()
	for len(p) > 0 {
		line, rest, ended := bytes.Cut(p, []byte{delim})
		// A blank line of JSON is no message.
		t.open = t.open || len(line) > 0 && (t.o.Format != JSON || len(bytes.TrimLeft(line, jsonBlanks)) > 0)
		if ended && (t.open || t.o.Format != JSON) {
			t.whole++
			t.open = false
		}
		p = rest
	}
}

func (t *Tally) lengths(p []byte) {
	for len(p) > 0 {
		if !t.open {
			n := min(4-len(t.head), len(p))
			t.head = append(t.head, p[:n]...)
			if p = p[n:]; len(t.head) < 4 {
				return
			}
			t.more, t.open, t.head = int64(binary.BigEndian.Uint32(t.head)), true, t.head[:0]
		}
		n := min(t.more, int64(len(p)))
		p, t.more = p[n:], t.more-n
		if t.more == 0 {
			t.whole++
			t.open = false
		}
	}
}

// Messages is how many messages are whole. Where the stream has ended, so is the last
// one of the formats that need no delimiter behind it.
func (t *Tally) Messages(ended bool) uint64 {
	if ended && t.open && t.o.Format != Len32 {
		return t.whole + 1
	}
	return t.whole
}

// rest tallies what was read off the stream and not returned, and reports whether the
// stream has ended behind that.
func (r *Reader) rest() (t *Tally, ended bool) {
	t = NewTally(r.o)
	t.Write(r.buf[r.start:r.end])
	return t, r.rerr == io.EOF
}
