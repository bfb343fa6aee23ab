package format

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
	"unicode/utf8"

	"github.com/ws76/ws76/core"
)

// Meta is what is known of a message beside itself. JSON and Templated show it;
// the zero value of a field is left out of JSON.
type Meta struct {
	Dir    string // "in" from the peer, "out" to it
	Time   time.Time
	Conn   int
	Number int64 // from 1; 0: as many as were written to this Writer
	Path   string
	Frame  *Frame // "type" and "length" of JSON, for who shows frames
}

// Frame is what carried a message on the wire.
type Frame struct {
	Type   byte
	Length int64 // bytes of payload
}

// fullOutput is how much a Writer gathers before it writes by itself.
const fullOutput = 64 << 10

// Writer puts messages on a byte stream. It is not for concurrent use.
type Writer struct {
	w      io.Writer
	o      Options
	eol    []byte
	buf    []byte
	number int64
	warned bool
	err    error // sticks
}

// NewWriter returns a Writer to w. What is written is gathered until Flush, or
// until there is much of it.
func NewWriter(w io.Writer, o Options) *Writer {
	wr := &Writer{w: w, o: o.withDefaults(), eol: []byte("\n")}
	switch {
	case wr.o.Format == Nul:
		wr.eol = []byte{0}
	case o.CRLF:
		wr.eol = []byte("\r\n")
	}
	if wr.o.Format == Templated && o.Template == nil {
		wr.err = errors.New("the output format \"template\" has no template")
	}
	return wr
}

// NeedsTime reports whether the format shows Meta.Time.
func (w *Writer) NeedsTime() bool {
	return w.o.Format == JSON || w.o.Format == Templated && w.o.Template != nil && w.o.Template.time
}

// Write writes m, of which it keeps nothing. An error of the stream sticks.
func (w *Writer) Write(m core.Message, meta Meta) error {
	if w.err != nil {
		return w.err
	}
	w.number++
	if meta.Number == 0 {
		meta.Number = w.number
	}
	switch w.o.Format {
	case Hex:
		w.pieces(m.Data, hex.AppendEncode, false)
	case Base64:
		w.pieces(m.Data, base64.StdEncoding.AppendEncode, false)
	case Len32:
		if uint64(len(m.Data)) > math.MaxUint32 {
			return fmt.Errorf("a message of %d bytes does not fit the format %q", len(m.Data), Len32)
		}
		w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(len(m.Data)))
		w.payload(m.Data)
	case JSON:
		begin, encode, text := jsonData(m)
		w.buf = append(w.buf, begin...)
		w.pieces(m.Data, encode, text)
		w.buf = appendJSONRest(w.buf, m, &meta)
	case Templated:
		w.buf = w.o.Template.appendTo(w.buf, m, &meta, w.o.Escape)
	default:
		w.text(m.Data, meta.Number)
	}
	switch w.o.Format {
	case Lines, Nul, Hex, Base64, JSON:
		w.buf = append(w.buf, w.eol...)
	}
	if len(w.buf) >= fullOutput {
		return w.Flush()
	}
	return w.err
}

// text adds the payload of Lines, Nul, Raw and Whole.
func (w *Writer) text(p []byte, number int64) {
	if w.o.Warn != nil && !w.warned && (w.o.Format == Lines || w.o.Format == Nul) {
		if i := bytes.IndexByte(p, w.eol[len(w.eol)-1]); i >= 0 {
			w.warned = true
			w.o.Warn(DelimiterWarning{Format: w.o.Format, Number: number, Index: i})
		}
	}
	if w.o.Escape {
		w.pieces(p, AppendEscaped, true)
		return
	}
	w.payload(p)
}

// pieceSize is how much is encoded at once. It is divisible by what base64 encodes together.
const pieceSize = 12 << 10

// pieces adds p as encode writes it, and lets go of what that gathers: text may become six
// times as long. The characters of text stay whole.
func (w *Writer) pieces(p []byte, encode func(dst, p []byte) []byte, text bool) {
	for len(p) > pieceSize && w.err == nil {
		n := pieceSize
		for text && n > pieceSize-utf8.UTFMax && !utf8.RuneStart(p[n]) {
			n--
		}
		w.buf = encode(w.buf, p[:n])
		if p = p[n:]; len(w.buf) >= fullOutput {
			w.Flush()
		}
	}
	w.buf = encode(w.buf, p)
}

// payload adds p. A large one goes out from where it lies.
func (w *Writer) payload(p []byte) {
	if len(p) < fullOutput {
		w.buf = append(w.buf, p...)
		return
	}
	if w.Flush() == nil {
		_, w.err = w.w.Write(p)
	}
}

// Flush writes what was gathered.
func (w *Writer) Flush() error {
	if w.err != nil || len(w.buf) == 0 {
		return w.err
	}
	_, w.err = w.w.Write(w.buf)
	w.buf = w.buf[:0]
	if cap(w.buf) > maxIdleBuffer {
		w.buf = nil
	}
	return w.err
}
