package format

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
)

// The buffer of a Reader starts small, for the sake of many quiet streams, and
// grows as reads fill it. Beyond fullBuffer only a message that needs it makes
// it grow, and over maxIdleBuffer it is let go after that.
const (
	firstBuffer   = 4 << 10
	fullBuffer    = 64 << 10
	maxIdleBuffer = 1 << 20
)

// ErrRelease is what a stream returns from Read, with no bytes, to have a Reader give up the
// memory that nothing unfinished needs, and read again.
var ErrRelease = errors.New("memory is to be given up")

// Reader takes messages off a byte stream. It is not for concurrent use.
type Reader struct {
	r         io.Reader
	o         Options
	maxRecord int64

	buf        []byte
	start, end int   // what was read and not used
	scan       int   // what is searched already: no delimiter in buf[start:scan]
	base       int64 // stream offset of buf[0]
	filled     bool  // the last read had no room left

	record int64 // number of the current record
	at     int64 // its offset in the stream
	out    []byte
	rerr   error // of r: nothing more will come
	err    error // sticks
}

// NewReader returns a Reader of r, which it reads in blocks, ahead of what is asked for.
func NewReader(r io.Reader, o Options) *Reader {
	rd := &Reader{r: r, o: o.withDefaults()}
	rd.maxRecord = rd.o.maxRecord()
	if rd.o.Format == Templated {
		rd.err = fmt.Errorf("the format %q is for output only", Templated)
	}
	return rd
}

// Read returns the next message, whose data is valid until the next Read, or
// io.EOF when there is none. A message that is cut, too large or malformed is an
// error ([*InvalidUTF8Error], [*TooLargeError], [*SyntaxError], or what the
// stream returned), and nothing of it is returned.
func (r *Reader) Read() (core.Message, error) {
	if r.err != nil {
		return core.Message{}, r.err
	}
	r.out = r.out[:0]
	if cap(r.out) > maxIdleBuffer {
		r.out = nil
	}
	switch r.o.Format {
	case Whole, Raw:
		return r.readWhole()
	case Len32:
		return r.readLen32()
	}
	for {
		line, at, err := r.line()
		if err != nil {
			return core.Message{}, r.stick(err)
		}
		switch r.o.Format {
		case Hex:
			return r.readHex(line, at)
		case Base64:
			return r.readBase64(line, at)
		case JSON:
			object := bytes.TrimLeft(line, jsonBlanks)
			if len(object) > 0 {
				return r.readJSON(object, at+int64(len(line)-len(object)))
			}
		case Nul:
			return r.message(line, at, r.o.Kind)
		default:
			if n := len(line); r.o.CRLF && n > 0 && line[n-1] == '\r' {
				line = line[:n-1]
			}
			return r.message(line, at, r.o.Kind)
		}
	}
}

// holds says how many bytes of memory r keeps for messages beside the first that it needs
// for any, which record it reads, and whether that has begun.
func (r *Reader) holds() (bytes, record int64, begun bool) {
	bytes, begun = int64(len(r.buf)+cap(r.out)), r.end > r.start
	if bytes <= firstBuffer && !begun {
		bytes = 0
	}
	return bytes, r.record, begun
}

// Position is where the message that Read has returned last begins.
func (r *Reader) Position() Position { return r.position(r.at) }

// Ready reports whether the next Read returns without reading from the stream.
// It leaves the data of the last message alone.
func (r *Reader) Ready() bool {
	if r.err != nil || r.rerr != nil {
		return true
	}
	pending := int64(r.end - r.start)
	switch r.o.Format {
	case Whole, Raw:
		return pending > r.maxRecord
	case Len32:
		if pending < 4 {
			return false
		}
		n := int64(binary.BigEndian.Uint32(r.buf[r.start:]))
		return n > r.o.MaxMessage || pending-4 >= n
	}
	i := bytes.IndexByte(r.buf[r.scan:r.end], r.delimiter())
	if i < 0 {
		r.scan = r.end
		return pending > r.maxRecord
	}
	r.scan += i
	// A blank line of JSON is no message: what follows it may not be here yet.
	return r.o.Format != JSON || len(bytes.TrimLeft(r.buf[r.start:r.scan], jsonBlanks)) > 0
}

func (r *Reader) delimiter() byte { return r.o.delimiter() }

func (o *Options) delimiter() byte {
	if o.Format == Nul {
		return 0
	}
	return '\n'
}

// line returns the next record without its delimiter, and its stream offset.
func (r *Reader) line() (line []byte, at int64, err error) {
	delim := r.delimiter()
	r.record++
	for {
		i := bytes.IndexByte(r.buf[r.scan:r.end], delim)
		if i >= 0 {
			r.scan += i
		} else {
			r.scan = r.end
		}
		if int64(r.scan-r.start) > r.maxRecord {
			return nil, 0, r.tooLarge(0)
		}
		if i >= 0 {
			break
		}
		if r.rerr == nil {
			r.fill()
			continue
		}
		if r.rerr != io.EOF || r.start == r.end {
			return nil, 0, r.rerr
		}
		break // the last line, without a newline
	}
	line, at = r.buf[r.start:r.scan], r.offset()
	r.at = at
	r.scan = min(r.scan+1, r.end)
	r.start = r.scan
	return line, at, nil
}

func (r *Reader) readWhole() (core.Message, error) {
	r.record = 1
	for r.rerr == nil && int64(r.end-r.start) <= r.maxRecord {
		r.fill()
	}
	if int64(r.end-r.start) > r.maxRecord {
		return core.Message{}, r.stick(r.tooLarge(0))
	}
	if r.rerr != io.EOF || r.start == r.end {
		return core.Message{}, r.stick(r.rerr)
	}
	all, at := r.buf[r.start:r.end], r.offset()
	r.at = at
	r.start = r.end
	return r.message(all, at, r.o.Kind)
}

func (r *Reader) readLen32() (core.Message, error) {
	r.record++
	if !r.need(4) {
		if r.rerr == io.EOF && r.end > r.start {
			return core.Message{}, r.stick(r.cut(fmt.Sprintf("the input ends after %d of the 4 bytes of a length", r.end-r.start)))
		}
		return core.Message{}, r.stick(r.rerr)
	}
	n := int64(binary.BigEndian.Uint32(r.buf[r.start:]))
	if n > r.o.MaxMessage {
		return core.Message{}, r.stick(r.tooLarge(n))
	}
	if !r.need(4 + int(n)) {
		if r.rerr == io.EOF {
			return core.Message{}, r.stick(r.cut(fmt.Sprintf("the input ends after %d of the %d bytes of a message", r.end-r.start-4, n)))
		}
		return core.Message{}, r.stick(r.rerr)
	}
	data, at := r.buf[r.start+4:r.start+4+int(n)], r.offset()+4
	r.at = at - 4
	r.start += 4 + int(n)
	r.scan = r.start
	return r.message(data, at, r.o.Kind)
}

// need reads until n bytes are there and reports whether they are.
func (r *Reader) need(n int) bool {
	for r.end-r.start < n {
		if r.rerr != nil {
			return false
		}
		r.fill()
	}
	return true
}

// message makes a message of data that lies at offset at of the stream as it is.
func (r *Reader) message(data []byte, at int64, kind core.Kind) (core.Message, error) {
	return r.check(data, at, true, kind)
}

// check makes a message of data, which lies at offset at of the stream, literally
// or encoded. It may be r.out.
func (r *Reader) check(data []byte, at int64, literal bool, kind core.Kind) (core.Message, error) {
	pos := r.position(at)
	if int64(len(data)) > r.o.MaxMessage {
		return core.Message{}, r.stick(&TooLargeError{Position: pos, Limit: r.o.MaxMessage})
	}
	if kind == core.Text && !hixie.ValidUTF8(data) {
		if !r.o.ReplaceInvalid {
			i := hixie.InvalidAt(data)
			if literal {
				pos.Offset += int64(i)
			}
			return core.Message{}, &InvalidUTF8Error{Position: pos, Index: i, Byte: data[i]}
		}
		// At most three bytes for one; behind what r.out holds now.
		n := len(r.out)
		r.out = hixie.AppendValidUTF8(r.out, data)
		data = r.out[n:]
		if int64(len(data)) > r.o.MaxMessage {
			return core.Message{}, r.stick(&TooLargeError{Position: pos, Limit: r.o.MaxMessage})
		}
	}
	return core.Message{Data: data, Kind: kind}, nil
}

// fill reads once from the stream, or sets r.rerr.
func (r *Reader) fill() {
	r.makeRoom()
	for range 100 {
		n, err := r.r.Read(r.buf[r.end:])
		if err == ErrRelease {
			if r.start == r.end {
				r.letGo()
				r.makeRoom()
			}
			continue
		}
		r.end += n
		r.filled = r.end == len(r.buf)
		if err != nil {
			r.rerr = err
		}
		if n > 0 || err != nil {
			return
		}
	}
	r.rerr = io.ErrNoProgress
}

// makeRoom leaves at least one byte free behind r.end. What is pending is no
// more than maxRecord.
func (r *Reader) makeRoom() {
	pending, size := r.end-r.start, len(r.buf)
	if pending == 0 && size > maxIdleBuffer {
		r.letGo()
		size = 0
	}
	switch {
	case size == 0:
		size = firstBuffer
	case r.filled && size < fullBuffer:
		size *= 2
	case r.end < size && pending > 0:
		return
	case pending > size/2:
		size *= 2
		if limit := scale(r.maxRecord, 1, firstBuffer); size > fullBuffer && int64(size) > limit {
			size = max(int(limit), len(r.buf))
		}
	}
	to := r.buf
	if size > len(r.buf) {
		to = make([]byte, size)
	}
	copy(to, r.buf[r.start:r.end])
	r.buf = to
	r.base += int64(r.start)
	r.scan -= r.start
	r.start, r.end = 0, pending
}

// letGo gives up all memory, and what is in it.
func (r *Reader) letGo() {
	r.base += int64(r.start)
	r.buf, r.out, r.start, r.end, r.scan = nil, nil, 0, 0, 0
}

// offset is the stream offset of the first unused byte.
func (r *Reader) offset() int64 { return r.base + int64(r.start) }

func (r *Reader) position(at int64) Position {
	return Position{Format: r.o.Format, Record: r.record, Offset: at}
}

func (r *Reader) tooLarge(size int64) error {
	return &TooLargeError{Position: r.position(r.offset()), Size: size, Limit: r.o.MaxMessage}
}

func (r *Reader) cut(reason string) error {
	return &SyntaxError{Position: r.position(r.offset()), Reason: reason, Err: io.ErrUnexpectedEOF}
}

// stick makes err the result of every later Read.
func (r *Reader) stick(err error) error {
	r.letGo()
	r.err = err
	return err
}
