package core

import (
	"errors"
	"fmt"

	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/rfc6455"
)

// eventKind says what a framing found.
type eventKind uint8

const (
	eventMessage eventKind = iota
	eventPing
	eventPong
	eventClosing
)

// event is one thing that a peer sent: a message, or what the protocol itself says.
type event struct {
	kind   eventKind
	msg    Message
	code   int    // of a closing
	reason string // of a closing
}

// errIncomplete is what next returns when more bytes are needed.
var errIncomplete = errors.New("incomplete")

// framing turns the bytes of one dialect into events and messages into bytes.
// The receiving methods belong to whoever holds Conn.reading, the appending ones
// to whoever holds Conn.writing.
type framing interface {
	// feed lends p until next returns errIncomplete.
	feed(p []byte)
	// room is where to read more of a large message, nil if there is none; advance says how much was read.
	room() []byte
	advance(n int)
	// next fills in ev. Its data is valid until the next call.
	next(ev *event) error
	// end is what the end of the stream means here: nil between two frames.
	end() error
	// rest is how many bytes were read and not used.
	rest() int

	// check refuses a message that the dialect cannot carry.
	check(m Message) error
	// header and trailer go around a payload of n bytes that is sent from where it lies.
	appendHeader(dst []byte, m Message) []byte
	appendTrailer(dst []byte) []byte
	// inPlace reports whether a payload goes out as it is, so that it need not be copied.
	inPlace() bool
	appendMessage(dst []byte, m Message) []byte
	appendPong(dst, p []byte) []byte
	// appendClosing appends nothing where the dialect has no closing frame.
	appendClosing(dst []byte, code int, reason string) []byte
	hasClosing() bool
}

// hixieFraming is the framing of drafts 75 and 76, which differ in closing only.
type hixieFraming struct {
	d      hixie.Decoder
	draft  hixie.Draft
	count  *counters // of the receiving side
	trace  *Trace
	repair []byte // a text whose invalid bytes were replaced
}

func newHixieFraming(draft hixie.Draft, maxMessage int64, count *counters, trace *Trace) *hixieFraming {
	f := &hixieFraming{draft: draft, count: count, trace: trace}
	f.d.MaxMessage, f.d.Draft = maxMessage, draft
	f.d.KeepAll = trace.wantsFrames()
	return f
}

func (f *hixieFraming) feed(p []byte) { f.d.Feed(p) }
func (f *hixieFraming) room() []byte  { return f.d.Buffer() }
func (f *hixieFraming) advance(n int) { f.d.Advance(n) }
func (f *hixieFraming) rest() int     { return len(f.d.Rest()) }

func (f *hixieFraming) next(ev *event) error {
	for {
		frame, err := f.d.Next()
		if err != nil {
			if err == hixie.ErrIncomplete {
				return errIncomplete
			}
			if errors.Is(err, hixie.ErrMessageTooLarge) {
				return fmt.Errorf("%w: %w", ErrMessageTooLarge, err)
			}
			return err
		}
		if f.trace != nil {
			f.trace.sawFrame(false, frame.Type, frame.Payload)
		}
		if frame.IsText() {
			ev.kind, ev.msg = eventMessage, Message{Data: frame.Payload, valid: true}
			if !hixie.ValidUTF8(frame.Payload) {
				// Section 5.3: bytes that are not UTF-8 become U+FFFD.
				f.repair = hixie.AppendValidUTF8(f.repair[:0], frame.Payload)
				ev.msg.Data = f.repair
				f.count.repaired.Add(1)
				f.trace.note("frame at offset %d: text is not UTF-8 from byte %d on; U+FFFD put in", frame.Offset, hixie.InvalidAt(frame.Payload))
			}
			return nil
		}
		// Draft 75 knows no closing frame: FF 00 is one more frame to skip.
		if frame.IsClosing() && f.draft == hixie.Draft76 {
			*ev = event{kind: eventClosing, code: codeNone}
			return nil
		}
		f.count.skipped.Add(1)
		f.trace.note("frame at offset %d: type 0x%02X with %d bytes skipped", frame.Offset, frame.Type, frame.Length)
	}
}

func (f *hixieFraming) end() error {
	err := f.d.End()
	if errors.Is(err, hixie.ErrBareFF) {
		f.trace.note("a bare FF at the end of the stream counts as the closing frame")
		return errBareFF
	}
	return err
}

// errBareFF: the peer's closing frame lacks its second byte (Mojolicious).
var errBareFF = errors.New("bare FF at the end of the stream")

func (f *hixieFraming) check(m Message) error {
	if m.Kind != Text {
		return ErrBinary
	}
	if !m.valid && !hixie.ValidUTF8(m.Data) {
		return &InvalidUTF8Error{Offset: hixie.InvalidAt(m.Data)}
	}
	return nil
}

func (f *hixieFraming) inPlace() bool                             { return true }
func (f *hixieFraming) appendHeader(dst []byte, _ Message) []byte { return append(dst, 0x00) }
func (f *hixieFraming) appendTrailer(dst []byte) []byte           { return append(dst, 0xFF) }
func (f *hixieFraming) appendPong(dst, _ []byte) []byte           { return dst }
func (f *hixieFraming) hasClosing() bool                          { return f.draft == hixie.Draft76 }

func (f *hixieFraming) appendMessage(dst []byte, m Message) []byte {
	if f.trace != nil {
		f.trace.sawFrame(true, 0x00, m.Data)
	}
	return hixie.AppendText(dst, m.Data)
}

func (f *hixieFraming) appendClosing(dst []byte, _ int, _ string) []byte {
	if !f.hasClosing() {
		return dst
	}
	f.trace.sawFrame(true, 0xFF, nil)
	return hixie.AppendClosing(dst)
}

// rfcFraming is the framing of RFC 6455.
type rfcFraming struct {
	d     rfc6455.Decoder
	flate *rfc6455.Flate  // nil: not negotiated
	mask  func() *[4]byte // client side: a fresh masking key; nil on a server
	trace *Trace
}

func (f *rfcFraming) feed(p []byte) { f.d.Feed(p) }
func (f *rfcFraming) room() []byte  { return f.d.Buffer() }
func (f *rfcFraming) advance(n int) { f.d.Advance(n) }
func (f *rfcFraming) rest() int     { return len(f.d.Rest()) }
func (f *rfcFraming) end() error    { return f.d.End() }

func (f *rfcFraming) next(ev *event) error {
	e, err := f.d.Next()
	if err != nil {
		if err == rfc6455.ErrIncomplete {
			return errIncomplete
		}
		if errors.Is(err, rfc6455.ErrMessageTooLarge) {
			return fmt.Errorf("%w: %w", ErrMessageTooLarge, err)
		}
		return err
	}
	if f.trace != nil {
		f.trace.sawFrame(false, byte(e.Kind), e.Data)
	}
	switch e.Kind {
	case rfc6455.Text:
		ev.kind, ev.msg = eventMessage, Message{Data: e.Data, valid: true}
	case rfc6455.Binary:
		ev.kind, ev.msg = eventMessage, Message{Data: e.Data, Kind: Binary}
	case rfc6455.Ping:
		ev.kind, ev.msg = eventPing, Message{Data: e.Data}
	case rfc6455.Pong:
		ev.kind, ev.msg = eventPong, Message{Data: e.Data}
	case rfc6455.Close:
		*ev = event{kind: eventClosing, code: e.Code, reason: e.Reason}
	}
	return nil
}

func (f *rfcFraming) check(m Message) error {
	if m.Kind == Text && !m.valid && !hixie.ValidUTF8(m.Data) {
		return &InvalidUTF8Error{Offset: hixie.InvalidAt(m.Data)}
	}
	return nil
}

func (f *rfcFraming) inPlace() bool    { return f.mask == nil && f.flate == nil }
func (f *rfcFraming) hasClosing() bool { return true }

func (f *rfcFraming) appendHeader(dst []byte, m Message) []byte {
	return rfc6455.AppendHeader(dst, dataOp(m.Kind), true, false, len(m.Data), nil)
}

func (f *rfcFraming) appendTrailer(dst []byte) []byte { return dst }

func (f *rfcFraming) maskKey() *[4]byte {
	if f.mask == nil {
		return nil
	}
	return f.mask()
}

func (f *rfcFraming) appendPong(dst, p []byte) []byte {
	f.trace.sawFrame(true, rfc6455.OpPong, p)
	return rfc6455.AppendControl(dst, rfc6455.OpPong, p, f.maskKey())
}

func (f *rfcFraming) appendClosing(dst []byte, code int, reason string) []byte {
	f.trace.sawFrame(true, rfc6455.OpClose, []byte(reason))
	return rfc6455.AppendClose(dst, rfc6455.SendCode(code), reason, f.maskKey())
}

func (f *rfcFraming) appendMessage(dst []byte, m Message) []byte {
	if f.trace != nil {
		f.trace.sawFrame(true, dataOp(m.Kind), m.Data)
	}
	if f.flate != nil {
		return f.flate.AppendMessage(dst, m.Kind == Text, m.Data, f.maskKey())
	}
	return rfc6455.AppendMessage(dst, m.Kind == Text, m.Data, f.maskKey())
}

func dataOp(k Kind) byte {
	if k == Binary {
		return rfc6455.OpBinary
	}
	return rfc6455.OpText
}
