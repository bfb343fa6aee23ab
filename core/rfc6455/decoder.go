package rfc6455

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"unicode/utf8"

	"github.com/gobwas/ws"
	asmutf8 "github.com/segmentio/asm/utf8"
)

const (
	// DefaultMaxMessage is the limit of a Decoder whose MaxMessage is 0.
	DefaultMaxMessage = 16 << 20

	// large is how many bytes of an unfinished frame must be held for Buffer to offer space behind them.
	large = 32 << 10
	// readSpace is the least space that Buffer offers, if the frame is that long.
	readSpace = 16 << 10
)

// Decoder finds frames in a stream of bytes that comes in any split, and joins them to messages. It checks every rule
// of section 5 and the limit on the size of a message before it spends memory.
//
// The zero value reads what a server sends. Set the exported fields before the
// first Feed. A Decoder is not safe for concurrent use.
type Decoder struct {
	// MaxMessage is the largest message in bytes, however many frames it comes in, after decompression. 0 or less
	// stands for DefaultMaxMessage. (A compressed message may be an eighth and 64 bytes longer on the wire.)
	MaxMessage int64
	// Masked says that frames must be masked: they come from a client. Otherwise they must not be.
	Masked bool
	// Inflate decompresses messages, where permessage-deflate was agreed on. With nil a compressed message is an error.
	Inflate *Flate
	// Piece is how many bytes are inflated before Next returns ErrPaused, about: a few
	// bytes can hold up others for long. 0: there is no pause.
	Piece int

	closed bool
	owned  bool   // in is a copy
	spent  int    // bytes inflated since the last pause
	in     []byte // fed and not yet used
	offset int64  // of in[0] in the stream
	err    error  // sticks
	// held is what is not whole yet. A connection whose reads bring whole
	// messages never needs it, which keeps an idle connection small.
	held *held
}

// held is what a Decoder keeps from one Feed to the next.
type held struct {
	head    [MaxHeader]byte // start of an unfinished header
	headLen int

	frame      frame // header of the frame whose payload is being gathered
	unfinished bool  // frame is in use
	got        int64 // bytes of its payload so far
	control    [MaxControl]byte

	first     frame     // header of the first frame of a fragmented message
	inMessage bool      // first is in use
	message   buffer    // unmasked payloads of the message's frames so far
	plain     buffer    // a message inflated
	inflater  *inflater // of plain, if that is not whole; first is its header
	lent      bool      // it reads what was fed
	done      bool      // a message was delivered: message and plain are free
}

// Feed gives the decoder the next bytes of the stream. p is borrowed until Next has returned ErrIncomplete, and is
// modified: payloads are unmasked where they lie. Feed may only be called when Next has returned ErrIncomplete or not
// been called yet; to call it with input left panics, as bytes would be lost. After a Close or an error p is only there
// for Rest.
func (d *Decoder) Feed(p []byte) {
	if len(d.in) > 0 && d.err == nil && !d.closed {
		panic("rfc6455: Feed before Next has returned ErrIncomplete")
	}
	d.offset += int64(d.skip())
	d.in, d.owned, d.spent = p, false, 0
}

// skip drops input that will never be read and returns how much it was.
func (d *Decoder) skip() int {
	n := len(d.in)
	d.in = nil
	return n
}

// Next returns the next event: a whole message, or a control frame, which may come between the frames of a message.
// Event.Data points into the input where an unfragmented, uncompressed frame lies whole in it, and otherwise into
// memory of the Decoder. It is valid until the next call of Next, Feed, Buffer or Advance.
//
// Errors are ErrPaused, see Piece; ErrIncomplete when all input is used up (an unfinished frame has been copied aside);
// io.EOF after a Close, which is the last that a peer may send; and *SyntaxError, which sticks.
func (d *Decoder) Next() (Event, error) {
	if d.held != nil {
		d.held.settle()
	}
	if d.err != nil {
		return Event{}, d.err
	}
	if d.closed {
		return Event{}, io.EOF
	}
	if d.Inflating() {
		return d.inflate()
	}
	for {
		var f frame
		p, err := d.next(&f)
		if err != nil {
			if len(d.in) == 0 {
				d.in = nil // even an empty end of it would keep the caller's memory
			}
			return Event{}, err
		}
		switch {
		case f.OpCode.IsControl():
			return d.controlEvent(&f, p)
		case !f.Fin:
			continue
		case f.OpCode == ws.OpContinuation:
			f = d.held.first
			d.held.inMessage = false
		}
		return d.messageEvent(&f, p)
	}
}

// NextMessage is Next for what most frames are, in less than half the time: a whole message from a client that is
// short, uncompressed and lies whole in the input. Where ok is false nothing was used, and Next says what there is.
func (d *Decoder) NextMessage() (p []byte, text, ok bool) {
	in := d.in
	if len(in) < 6 || in[0] != bitFin|OpText && in[0] != bitFin|OpBinary || in[1]&bitMask == 0 || !d.Masked || d.err != nil || d.closed {
		return nil, false, false
	}
	if h := d.held; h != nil {
		if h.headLen > 0 || h.unfinished || h.inMessage || h.inflater != nil {
			return nil, false, false
		}
		h.settle()
	}
	n, head := int(in[1]&^bitMask), 6
	switch {
	case n == len16 && len(in) >= 8:
		if n, head = int(binary.BigEndian.Uint16(in[2:])), 8; n < len16 {
			return nil, false, false
		}
	case n >= len16:
		return nil, false, false
	}
	if len(in)-head < n || int64(n) > d.limit() {
		return nil, false, false
	}
	mask := [4]byte(in[head-4:])
	p = in[head : head+n : head+n]
	Mask(p, mask, 0)
	if text = in[0]&0xF == OpText; text && !asmutf8.Valid(p) {
		Mask(p, mask, 0) // for Next, which says where
		return nil, false, false
	}
	d.in = in[head+n:]
	d.offset += int64(head + n)
	return p, text, true
}

// next reads the next whole frame. It fills in f and returns the payload; for a
// fragment it returns all of the message so far.
func (d *Decoder) next(f *frame) ([]byte, error) {
	if d.held == nil || !d.held.unfinished {
		if err := d.readHeader(f); err != nil {
			return nil, err
		}
		if f.Length <= int64(len(d.in)) && (!f.fragment() || f.OpCode.IsControl()) {
			p := d.take(int(f.Length))
			if f.Masked {
				Mask(p, f.Mask, 0)
			}
			return p, nil
		}
		h := d.hold()
		h.frame, h.unfinished, h.got = *f, true, 0
		if f.OpCode.IsData() && f.OpCode != ws.OpContinuation && !f.Fin {
			h.first, h.inMessage = *f, true
		}
	}
	return d.gather(f)
}

// readHeader takes the next header from the input.
func (d *Decoder) readHeader(f *frame) error {
	if h := d.held; h != nil && h.headLen > 0 {
		// The start of it came with earlier input.
		n := copy(h.head[h.headLen:], d.in)
		size, err := d.parseHeader(f, h.head[:h.headLen+n], d.offset-int64(h.headLen))
		switch {
		case err != nil:
			return err
		case size == 0:
			d.take(n)
			h.headLen += n
			return ErrIncomplete
		}
		d.take(size - h.headLen)
		h.headLen = 0
		return nil
	}
	size, err := d.parseHeader(f, d.in, d.offset)
	switch {
	case err != nil:
		return err
	case size == 0:
		if len(d.in) > 0 {
			h := d.hold()
			h.headLen = copy(h.head[:], d.take(len(d.in)))
		}
		return ErrIncomplete
	}
	d.take(size)
	return nil
}

// gather adds input to the payload of the unfinished frame, and returns that,
// and the header in whole, once it is complete.
func (d *Decoder) gather(whole *frame) ([]byte, error) {
	h := d.held
	f := &h.frame
	p := d.take(int(min(f.Length-h.got, int64(len(d.in)))))
	var all []byte
	if f.OpCode.IsControl() {
		copy(h.control[h.got:], p)
		all = h.control[:int(h.got)+len(p)]
	} else {
		h.message.grow(len(p), d.mostOf(f))
		h.message.b = append(h.message.b, p...)
		all = h.message.b
	}
	if f.Masked {
		Mask(all[len(all)-len(p):], f.Mask, int(h.got&3))
	}
	h.got += int64(len(p))
	if h.got < f.Length {
		return nil, ErrIncomplete
	}
	h.unfinished = false
	*whole = *f
	return all, nil
}

// mostOf returns how large the message may yet become of which the unfinished frame f is a part.
func (d *Decoder) mostOf(f *frame) int {
	if f.Fin {
		return len(d.held.message.b) + int(f.Length-d.held.got)
	}
	return int(compressedLimit(d.limit()))
}

// controlEvent makes an event of a control frame.
func (d *Decoder) controlEvent(f *frame, p []byte) (Event, error) {
	ev := Event{Kind: EventKind(f.OpCode), Offset: f.offset}
	if ev.Kind != Close {
		ev.Data = p
		return ev, nil
	}
	ev.Code = CodeNoStatus
	if len(p) > 0 {
		code, reason := ws.ParseCloseFrameData(p)
		if ev.Code = int(code); !ValidCode(ev.Code) {
			return Event{}, d.protocolError(f.offset, ws.CheckCloseFrameData(code, ""),
				"close frame with status code %d, which must not be sent", code)
		}
		if !utf8.ValidString(reason) {
			return Event{}, d.fail(f.offset, CodeInvalidPayload, ws.ErrProtocolInvalidUTF8,
				"close frame whose reason %q is not UTF-8", reason)
		}
		ev.Reason = reason
	}
	d.closed = true
	return ev, nil
}

// messageEvent makes an event of a whole message; f is its first header.
func (d *Decoder) messageEvent(f *frame, p []byte) (Event, error) {
	if f.Rsv1() {
		h := d.hold()
		h.first = *f
		h.inflater = beginInflate(&h.plain, p, d.limit())
		h.lent = len(h.message.b) == 0
		return d.inflate()
	}
	return d.whole(f, p)
}

// whole makes an event of a message as it was sent.
func (d *Decoder) whole(f *frame, p []byte) (Event, error) {
	if d.held != nil {
		d.held.done = true
	}
	if f.OpCode == ws.OpText && !asmutf8.Valid(p) {
		at := invalidAt(p)
		return Event{}, d.fail(f.offset, CodeInvalidPayload, nil,
			"text message of %d bytes is not UTF-8: 0x%02x at byte %d of it", len(p), p[at], at)
	}
	return Event{Kind: EventKind(f.OpCode), Data: p, Offset: f.offset}, nil
}

// Buffer returns free space right behind the unfinished frame that is held, where that is large (32 KiB and more have
// come): bytes that are read straight into it need not be copied. It never reaches beyond the end of the frame and
// grows with what has come, not with what the header claims. In all other cases it returns nil. Call it after Next has
// returned ErrIncomplete, and Advance after reading.
func (d *Decoder) Buffer() []byte {
	h := d.held
	if d.err != nil || h == nil || !h.unfinished || h.frame.OpCode.IsControl() || len(h.message.b) < large {
		return nil
	}
	m := &h.message
	left := int(h.frame.Length - h.got)
	m.grow(min(left, readSpace), len(m.b)+left)
	return m.b[len(m.b):min(cap(m.b), len(m.b)+left)]
}

// Advance says that the first n bytes of Buffer have been read from the stream.
// It panics where n is larger than that. Next comes after it.
func (d *Decoder) Advance(n int) {
	p := d.Buffer()[:n]
	h := d.held
	if h == nil || n == 0 {
		return
	}
	if h.frame.Masked {
		Mask(p, h.frame.Mask, int(h.got&3))
	}
	h.message.b = h.message.b[:len(h.message.b)+n]
	h.got += int64(n)
	d.offset += int64(n)
}

// Between reports whether no message is unfinished: the Decoder holds nothing but
// what was fed and is not used yet, and another may go on in its place.
func (d *Decoder) Between() bool {
	h := d.held
	return d.err == nil && !d.closed && (h == nil || h.headLen == 0 && !h.unfinished && !h.inMessage && h.inflater == nil)
}

// Reset makes the Decoder ready for another stream, from its offset on, with the
// limits that are set now. It keeps its memory; see Held.
func (d *Decoder) Reset(offset int64) {
	h := d.held
	if h != nil {
		h.stopInflating()
		h.message.b, h.plain.b = h.message.b[:0], h.plain.b[:0]
		h.headLen, h.unfinished, h.inMessage, h.done = 0, false, false, false
	}
	*d = Decoder{MaxMessage: d.MaxMessage, Masked: d.Masked, Inflate: d.Inflate, Piece: d.Piece, offset: offset, held: h}
}

// Own copies Rest, so that what was fed is the caller's again before it is used up.
func (d *Decoder) Own() {
	if !d.owned {
		d.in, d.owned = bytes.Clone(d.in), true
	}
}

// Trim gives up the memory of inflated messages, where there is much and nothing is unfinished.
func (d *Decoder) Trim() {
	if h := d.held; h != nil && h.inflater == nil && len(h.plain.b) == 0 && cap(h.plain.b) >= spareLeast {
		h.plain.release()
	}
}

// Held returns how many bytes of memory the Decoder keeps for messages.
func (d *Decoder) Held() int {
	if d.held == nil {
		return 0
	}
	n := cap(d.held.message.b) + cap(d.held.plain.b)
	if c := d.held.inflater; c != nil {
		n += int(c.src.Size())
	}
	return n
}

// Release gives up the memory that is kept for messages, unless one is unfinished.
func (d *Decoder) Release() {
	if d.Between() {
		d.held = nil
	}
}

// Rest returns what has been fed and not been used: after a Close, what the
// peer sent behind it and must be ignored. It is borrowed input, see Feed.
func (d *Decoder) Rest() []byte { return d.in }

// Offset returns the offset in the stream of the next byte that will be used: of the first byte of Rest.
func (d *Decoder) Offset() int64 { return d.offset }

// End says what the end of the stream means here: nil after a Close or between two messages, otherwise a *SyntaxError
// that wraps io.ErrUnexpectedEOF and says what was cut. Call it when Next has returned ErrIncomplete. A stream that
// ends without a Close is not clean even where End returns nil: CodeAbnormal.
func (d *Decoder) End() error {
	if d.err != nil {
		return d.err
	}
	h := d.held
	var reason string
	switch {
	case d.closed || h == nil:
		return nil
	case h.headLen > 0:
		reason = fmt.Sprintf("stream ends %d bytes into the header of a frame", h.headLen)
	case h.unfinished:
		reason = fmt.Sprintf("stream ends %d bytes into the %d of a %s frame", h.got, h.frame.Length, name(h.frame.OpCode))
	case h.inMessage:
		reason = fmt.Sprintf("stream ends inside the fragmented message that started at offset %d", h.first.offset)
	default:
		return nil
	}
	return &SyntaxError{Offset: d.offset, Reason: reason, Code: CodeProtocolError, Err: io.ErrUnexpectedEOF}
}

// take uses up n bytes of the input.
func (d *Decoder) take(n int) []byte {
	p := d.in[:n:n]
	d.in = d.in[n:]
	d.offset += int64(n)
	return p
}

func (d *Decoder) inMessage() bool { return d.held != nil && d.held.inMessage }

func (d *Decoder) hold() *held {
	if d.held == nil {
		d.held = new(held)
	}
	return d.held
}

// limit returns MaxMessage as it counts. It always fits an int.
func (d *Decoder) limit() int64 {
	if d.MaxMessage <= 0 {
		return DefaultMaxMessage
	}
	return min(d.MaxMessage, math.MaxInt/2)
}

// settle frees the buffers of a message that has been delivered.
func (h *held) settle() {
	if !h.done {
		return
	}
	h.done = false
	h.message.settle()
	h.plain.settle()
}

func (d *Decoder) protocolError(offset int64, cause error, format string, args ...any) error {
	return d.fail(offset, CodeProtocolError, cause, format, args...)
}

func (d *Decoder) tooLarge(offset int64, format string, args ...any) error {
	return d.fail(offset, CodeMessageTooLarge, ErrMessageTooLarge, format, args...)
}

// fail makes and keeps the error that ends the stream.
func (d *Decoder) fail(offset int64, code int, cause error, format string, args ...any) error {
	d.err = &SyntaxError{Offset: offset, Reason: fmt.Sprintf(format, args...), Code: code, Err: cause}
	return d.err
}

// invalidAt returns the position of the first byte of p that is not UTF-8.
func invalidAt(p []byte) int {
	for i := 0; i < len(p); {
		r, n := utf8.DecodeRune(p[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(p)
}
