package hixie

import (
	"bytes"
	"fmt"
	"io"
	"math"
)

// DefaultMaxMessage is the limit on a frame's payload where none is set: 16 MiB.
const DefaultMaxMessage = 16 << 20

// maxDigits bounds the digits of a length prefix. The draft allows any number of
// leading zero digits (0x80); a peer that sends them for ever never says anything.
const maxDigits = 16

// stage says what the next byte of the stream is.
type stage uint8

const (
	atType    stage = iota // a type byte, the first of a frame
	inLength               // a digit of a length prefix
	inText                 // payload of a frame with a sentinel, kept
	inData                 // payload of a frame with a length, kept
	skipText               // as inText, but thrown away
	skipData               // as inData, but thrown away
	atClosed               // what follows a closing frame
	atFailure              // what follows an error
)

// Decoder finds the frames in a stream that arrives in pieces of any size. Its zero value is ready to use. It does no
// I/O and keeps nothing but the unfinished frame:
//
//	d.Feed(buf[:n])
//	for {
//		f, err := d.Next()
//		if err == hixie.ErrIncomplete {
//			break // read more
//		}
//		…
//	}
//
// The result does not depend on how the stream was cut into pieces. No byte is looked at twice, and a frame costs no
// allocation once the buffer for unfinished ones has its size.
//
// Errors are of type *[SyntaxError], with the offset of the type byte of the frame at fault, and stick. After a closing
// frame has been returned nothing more is decoded: Next returns [io.EOF], and Rest what has followed.
//
// A Decoder must not be used by several goroutines at once.
type Decoder struct {
	// MaxMessage limits the payload of every frame, also of one that is skipped, in bytes. A frame above it is an error
	// wrapping [ErrMessageTooLarge], raised as soon as that is known and before memory is spent on it. 0 means
	// [DefaultMaxMessage]. Set it before the first Feed.
	MaxMessage int64
	// KeepAll returns the payloads of all types of frames. Otherwise only text
	// frames have one, and others are skipped in constant memory.
	KeepAll bool
	// Draft says which draft the stream follows; 0 means Draft76. Draft75 knows no
	// closing frame: FF 00 is returned as in draft 76, and what follows is decoded.
	Draft Draft

	stage  stage
	digits byte // of the unfinished frame's length, so far
	behind bool // in lies right behind held, in the same memory
	own    bool // in is memory of held, from Advance
	quiet  byte // frames and reads since the size of held was last needed

	in   []byte // borrowed from the caller, or what Advance brought
	pos  int    // in[pos:] is not used yet
	base int64  // stream offset of in[0]

	limit int64 // MaxMessage, never 0

	frame   Frame  // returned last, or unfinished: then Length is what was announced
	skipped int64  // payload bytes of the unfinished frame that were thrown away
	held    []byte // those that were kept; between frames the memory of the last payload
	checked int    // bytes at the start of held that are UTF-8
	invalid bool   // and those behind are not

	err error
}

// Feed gives the decoder the next bytes of the stream. They are borrowed, not copied: p must not change until Next has
// returned ErrIncomplete (or an error, if Rest is not asked for). Feed may be called first, and then whenever Next has
// returned ErrIncomplete; earlier it panics, since bytes would be lost. After a closing frame or an error Feed replaces
// what Rest returns.
func (d *Decoder) Feed(p []byte) {
	if d.pos < len(d.in) && d.stage < atClosed {
		panic("hixie: Decoder.Feed called before Next returned ErrIncomplete")
	}
	d.base += int64(len(d.in))
	d.in, d.pos, d.own = p, 0, false
	if d.limit == 0 {
		d.setLimit()
	}
	if d.stage == atType && cap(d.held) > directHeld {
		d.age()
	}
}

// Next returns the next frame. [ErrIncomplete] means that all bytes fed are used
// and more are needed; [io.EOF] that a closing frame has been returned before.
//
// The frame and its payload are valid until the next call of Next, Feed or Advance. The payload points into the bytes
// fed when the frame lies whole in them. There is no frame with an error.
func (d *Decoder) Next() (*Frame, error) {
	// The whole cost of a short text message is here; everything else is in next. (A Frame returned by value would be
	// copied twice, which takes longer than finding it.)
	if in := d.in[d.pos:]; d.stage == atType && len(in) > 0 && in[0] == typeText {
		run := 1 + asciiRun(in[1:])
		ascii := run < len(in) && in[run] == sentinel
		n := run - 1
		if !ascii {
			if n, ascii = textEnd(in[run:], d.pos == 0); n >= 0 {
				n += run - 1
			}
		}
		if uint64(n) <= uint64(d.limit) { // and not -1
			f := &d.frame
			f.Type = typeText
			f.Valid = ascii
			f.Payload = in[1 : 1+n : 1+n]
			f.Length = int64(n)
			f.Offset = d.base + int64(d.pos)
			d.pos += n + 2
			return f, nil
		}
		if n < 0 && int64(len(in)-1) <= d.limit {
			d.begin(typeText)
			d.take(in[1:])
			return nil, d.incomplete()
		}
	}
	return d.next()
}

// NextRun returns the text frames that come next and lie whole in the bytes fed, one right behind the other, as they
// came: to be sent on as they are. count is how many there are; each is UTF-8 and within MaxMessage. The run ends
// before any other frame, which Next returns, so call NextRun and Next in turns. It is valid until the next Feed. Where
// there is no such frame, run is empty.
func (d *Decoder) NextRun() (run []byte, count int) {
	if d.stage != atType || d.own {
		return nil, 0
	}
	in, end := d.in[d.pos:], 0
	for end < len(in) && in[end] == typeText {
		p := in[end+1:]
		n := asciiRun(p)
		if n == len(p) {
			break
		}
		if p[n] != sentinel {
			more, ascii := textEnd(p[n:], d.pos+end == 0)
			if more < 0 || !ascii && !ValidUTF8(p[n:n+more]) {
				break
			}
			n += more
		}
		if int64(n) > d.limit {
			break
		}
		end += n + 2
		count++
	}
	d.pos += end
	return in[:end], count
}

// next is Next for frames of every kind and in any state.
func (d *Decoder) next() (*Frame, error) {
	for d.pos < len(d.in) {
		in := d.in[d.pos:]
		switch d.stage {
		case atType:
			d.begin(in[0])

		case inLength:
			d.pos++
			done, err := d.digit(in[0])
			if err != nil {
				return nil, err
			}
			if done && d.frame.Length == 0 {
				return d.finish(in[1:1:1]), nil
			}

		case inText:
			if d.behind && d.takeValid(in) {
				break
			}
			n := bytes.IndexByte(in, sentinel)
			p := in
			if n >= 0 {
				p = in[:n:n]
			}
			if int64(len(p)) > d.limit-int64(len(d.held)) {
				return nil, d.tooLarge()
			}
			if n < 0 {
				d.take(p)
				d.check()
				break
			}
			p = d.whole(p)
			d.pos++ // the sentinel
			d.frame.Length = int64(len(p))
			d.frame.Valid = d.checked > 0 && !d.invalid && ValidUTF8(p[d.checked:])
			return d.finish(p), nil

		case inData:
			need := d.frame.Length - int64(len(d.held))
			if int64(len(in)) < need {
				d.take(in)
				break
			}
			return d.finish(d.whole(in[:need:need])), nil

		case skipText:
			n := bytes.IndexByte(in, sentinel)
			p := in
			if n >= 0 {
				p = in[:n]
			}
			if int64(len(p)) > d.limit-d.skipped {
				return nil, d.tooLarge()
			}
			d.skip(len(p))
			if n < 0 {
				break
			}
			d.pos++ // the sentinel
			d.frame.Length = d.skipped
			return d.finish(nil), nil

		case skipData:
			need := d.frame.Length - d.skipped
			if int64(len(in)) < need {
				d.skip(len(in))
				break
			}
			d.skip(int(need))
			return d.finish(nil), nil

		default:
			return nil, d.err
		}
	}
	if d.stage >= atClosed {
		return nil, d.err
	}
	return nil, d.incomplete()
}

// incomplete lets go of the input, which is used, and returns ErrIncomplete.
func (d *Decoder) incomplete() error {
	d.base += int64(len(d.in))
	d.in, d.pos, d.behind = nil, 0, false
	d.frame.Payload = nil
	return ErrIncomplete
}

// begin enters a frame of the given type.
func (d *Decoder) begin(typ byte) {
	d.frame = Frame{Type: typ, Offset: d.Offset()}
	d.digits, d.skipped = 0, 0
	d.checked, d.invalid = 0, false
	d.pos++
	d.held = d.held[:0]
	if cap(d.held) > directHeld {
		d.age()
	}
	switch {
	case typ&lengthBit != 0:
		d.stage = inLength
	case typ == typeText || d.KeepAll:
		d.stage = inText
	default:
		d.stage = skipText
	}
}

// digit adds a digit to the length of the frame and enters its payload after the
// last one (section 5.3: seven bits each, the high bit set while more follow).
func (d *Decoder) digit(b byte) (done bool, err error) {
	if d.digits++; d.digits > maxDigits {
		return false, d.fail(fmt.Sprintf("frame of type 0x%02X has a length of more than %d digits", d.frame.Type, maxDigits), nil)
	}
	v := int64(b & 0x7F)
	if d.frame.Length > (d.limit-v)>>7 {
		return false, d.tooLarge()
	}
	d.frame.Length = d.frame.Length<<7 | v
	if b&0x80 != 0 {
		return false, nil
	}
	d.stage = skipData
	if d.KeepAll {
		d.stage = inData
	}
	return true, nil
}

// finish returns the unfinished frame, finished, with payload p.
func (d *Decoder) finish(p []byte) *Frame {
	f := &d.frame
	if d.stage != skipData {
		f.Payload = p
	}
	if len(d.held) > cap(d.held)/8 {
		d.quiet = 0
	}
	d.stage = atType
	if f.IsClosing() && d.Draft != Draft75 {
		d.stage, d.err = atClosed, io.EOF
	}
	return f
}

// skip throws away the next n bytes of the input.
func (d *Decoder) skip(n int) {
	d.pos += n
	d.skipped += int64(n)
}

// Between reports whether no frame is unfinished: the Decoder holds nothing but
// what was fed and is not used yet, and another may go on in its place.
func (d *Decoder) Between() bool { return d.stage == atType }

// Reset makes the Decoder ready for another stream, from its offset on, with the
// limits that are set now. It keeps its memory; see Held.
func (d *Decoder) Reset(offset int64) {
	*d = Decoder{MaxMessage: d.MaxMessage, KeepAll: d.KeepAll, Draft: d.Draft, base: offset, held: d.held[:0]}
}

// Offset returns the stream offset of the first byte that is not used yet.
func (d *Decoder) Offset() int64 { return d.base + int64(d.pos) }

// End judges the end of the stream, when Next has returned ErrIncomplete. It returns nil between frames and after a
// closing frame; [ErrBareFF] when the last byte is the first of a closing frame; a *[SyntaxError] wrapping
// [io.ErrUnexpectedEOF] in any other frame; and the error of Next after one.
func (d *Decoder) End() error {
	var what string
	switch d.stage {
	case atType, atClosed:
		return nil
	case atFailure:
		return d.err
	case inLength:
		if d.frame.Type == typeClosing && d.digits == 0 {
			return ErrBareFF
		}
		what = "in its length"
	default:
		got := d.Offset() - d.frame.Offset - 1 - int64(d.digits)
		if what = fmt.Sprintf("after %d payload bytes", got); d.frame.Type&lengthBit != 0 {
			what = fmt.Sprintf("after %d of %d payload bytes", got, d.frame.Length)
		}
	}
	name := "text frame"
	if d.frame.Type != typeText {
		name = fmt.Sprintf("frame of type 0x%02X", d.frame.Type)
	}
	return &SyntaxError{Offset: d.frame.Offset, Reason: name + " cut off " + what, Err: io.ErrUnexpectedEOF}
}

func (d *Decoder) setLimit() {
	d.limit = d.MaxMessage
	if d.limit <= 0 {
		d.limit = DefaultMaxMessage
	}
	d.limit = min(d.limit, math.MaxInt-heldSlack) // sizes of slices are ints
}

func (d *Decoder) tooLarge() error {
	what := "message"
	if d.frame.Type != typeText {
		what = fmt.Sprintf("frame of type 0x%02X", d.frame.Type)
	}
	return d.fail(fmt.Sprintf("%s of more than %d bytes, which is the limit", what, d.limit), ErrMessageTooLarge)
}

func (d *Decoder) fail(reason string, err error) error {
	d.stage = atFailure
	d.err = &SyntaxError{Offset: d.frame.Offset, Reason: reason, Err: err}
	return d.err
}
