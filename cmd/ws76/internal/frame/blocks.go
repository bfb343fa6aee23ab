package frame

import (
	"bytes"
	"io"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/relay/format"
)

// delimiters are those of the formats that are read and written in blocks.
var delimiters = map[format.Format]byte{format.Lines: '\n', format.Nul: 0}

// blockEncoder turns delimited messages into text frames, all that a read has
// brought at once. Its bytes and errors are those of a format.Reader.
type blockEncoder struct {
	r       io.Reader
	w       io.Writer
	format  format.Format
	delim   byte
	max     int64
	replace bool

	in      []byte // in[:n] was read and is not used: the start of a message
	n       int
	offset  int64 // stream offset of in[0]
	record  int64 // messages before it
	out     []byte
	scratch []byte
}

func (b *blockEncoder) run() error {
	b.in = make([]byte, blockSize)
	for {
		if err := b.room(); err != nil {
			return err
		}
		n, err := b.r.Read(b.in[b.n:])
		end := b.n + bytes.LastIndexByte(b.in[b.n:b.n+n], b.delim) + 1
		if b.n += n; end > b.n-n {
			if err := b.encode(b.in[:end]); err != nil {
				return err
			}
			b.n = copy(b.in, b.in[end:b.n])
		}
		switch {
		case err == io.EOF && b.n > 0:
			return b.encode(b.in[:b.n]) // the last message, without a delimiter
		case err == io.EOF:
			return nil
		case err != nil:
			return readError(err)
		}
	}
}

// room makes sure that the next read has room, and that the message for which it is made is not too large.
func (b *blockEncoder) room() error {
	if int64(b.n) > b.max {
		return b.tooLarge()
	}
	if b.n == len(b.in) {
		size := 2 * int64(b.n)
		if size > b.max {
			size = b.max + 1
		}
		in := make([]byte, size)
		copy(in, b.in)
		b.in = in
	}
	return nil
}

func (b *blockEncoder) tooLarge() error {
	return &format.TooLargeError{Position: b.position(0), Limit: b.max}
}

// position is that of byte i of the next message.
func (b *blockEncoder) position(i int) format.Position {
	return format.Position{Format: b.format, Record: b.record + 1, Offset: b.offset + int64(i)}
}

// encode writes the frames of whole messages. What precedes one that is in error is written, too.
func (b *blockEncoder) encode(messages []byte) error {
	if int64(len(messages))-1 > b.max || !hixie.ValidUTF8(messages) {
		return b.encodeSingly(messages)
	}
	b.out = hixie.AppendFrames(b.out[:0], messages, b.delim)
	b.offset += int64(len(messages))
	b.record += int64(len(b.out) - len(messages)) // each is a byte longer
	_, err := b.w.Write(b.out)
	return err
}

// encodeSingly is encode for messages of which one may be too large or not UTF-8.
func (b *blockEncoder) encodeSingly(messages []byte) (err error) {
	b.out = b.out[:0]
	for len(messages) > 0 && err == nil {
		p, rest, _ := bytes.Cut(messages, []byte{b.delim})
		text := p
		if int64(len(p)) > b.max {
			err = b.tooLarge()
		} else if i := hixie.InvalidAt(p); i >= 0 && !b.replace {
			err = &format.InvalidUTF8Error{Position: b.position(i), Index: i, Byte: p[i]}
		} else if i >= 0 {
			b.scratch = hixie.AppendValidUTF8(b.scratch[:0], p)
			if text = b.scratch; int64(len(text)) > b.max {
				err = b.tooLarge()
			}
		}
		if err == nil {
			b.out = hixie.AppendText(b.out, text)
			b.offset += int64(len(messages) - len(rest))
			b.record++
			messages = rest
		}
	}
	if len(b.out) > 0 {
		if _, werr := b.w.Write(b.out); werr != nil {
			return werr
		}
	}
	return err
}

// blockSink writes messages that are ended by a delimiter, as a format.Writer does, and takes whole blocks of frames.
type blockSink struct {
	w      io.Writer
	format format.Format
	delim  byte
	max    int64
	warn   func(format.DelimiterWarning)
	warned bool

	number int64 // messages so far
	single bool  // what this read has brought needs a closer look
	out    []byte
}

func (s *blockSink) message(m core.Message, _ format.Meta) error {
	s.number++
	if !s.warned {
		if i := bytes.IndexByte(m.Data, s.delim); i >= 0 {
			s.warned = true
			s.warn(format.DelimiterWarning{Format: s.format, Number: s.number, Index: i})
		}
	}
	if len(m.Data) < blockSize {
		s.out = append(append(s.out, m.Data...), s.delim)
		return nil
	}
	// Large ones go from where they lie.
	if err := s.flush(); err != nil {
		return err
	}
	s.out = append(s.out, s.delim)
	_, err := s.w.Write(m.Data)
	return err
}

func (s *blockSink) messages(p []byte) (int, error) {
	if s.single || int64(len(p)) > s.max { // one of them may be too large
		return 0, nil
	}
	s.single = true
	old := len(s.out)
	out, n := hixie.AppendMessages(s.out, p, s.delim)
	if !hixie.ValidUTF8(out[old:]) {
		return 0, nil
	}
	count := n - (len(out) - old) // each is a byte shorter than its frame
	if !s.warned && bytes.Count(out[old:], []byte{s.delim}) != count {
		return 0, nil
	}
	s.single = false
	s.out = out
	s.number += int64(count)
	return n, nil
}

func (s *blockSink) flush() error {
	s.single = false
	if len(s.out) == 0 {
		return nil
	}
	_, err := s.w.Write(s.out)
	s.out = s.out[:0]
	return err
}
