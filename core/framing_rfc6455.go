package core

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/rfc6455"
)

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
func (f *rfcFraming) rest() []byte  { return f.d.Rest() }
func (f *rfcFraming) own()          { f.d.Own() }
func (f *rfcFraming) paused() bool  { return f.d.Inflating() }
func (f *rfcFraming) trim()         { f.d.Trim() }
func (f *rfcFraming) end() error    { return f.d.End() }
func (f *rfcFraming) between() bool { return f.d.Between() }
func (f *rfcFraming) held() int     { return f.d.Held() }
func (f *rfcFraming) release()      { f.d.Release() }
func (f *rfcFraming) forget()       { f.d.Reset(f.d.Offset()); f.release() }

func (f *rfcFraming) reset(maxMessage, offset int64) {
	f.d.MaxMessage = maxMessage
	f.d.Reset(offset)
}

// nextRun gives none: frames of a client are masked.
func (f *rfcFraming) nextRun() (frames []byte, n int) { return nil, 0 }

func (f *rfcFraming) violation(err error) (code int, reason string, tell bool) {
	var syntax *rfc6455.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return syntax.Code, syntax.Reason, true
	case errors.Is(err, ErrMessageSlow):
		return rfc6455.CodePolicyViolation, ErrMessageSlow.Error(), true
	case errors.Is(err, ErrPendingFull):
		return rfc6455.CodeTryAgainLater, ErrPendingFull.Error(), true
	}
	return 0, "", false
}

func (f *rfcFraming) next(ev *event) error {
	e, err := f.d.Next()
	if err != nil {
		if err == rfc6455.ErrIncomplete {
			return errIncomplete
		}
		if err == rfc6455.ErrPaused {
			return errPaused
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

func (f *rfcFraming) appendPing(dst, p []byte) []byte {
	f.trace.sawFrame(true, rfc6455.OpPing, p)
	return rfc6455.AppendControl(dst, rfc6455.OpPing, p, f.maskKey())
}

func (f *rfcFraming) appendClosing(dst []byte, code int, reason string) []byte {
	f.trace.sawFrame(true, rfc6455.OpClose, []byte(reason))
	return rfc6455.AppendClose(dst, rfc6455.SendCode(code), reason, f.maskKey())
}

func (f *rfcFraming) appendMessage(dst []byte, m Message) ([]byte, error) {
	if err := f.check(m); err != nil {
		return dst, err
	}
	if f.trace != nil {
		f.trace.sawFrame(true, dataOp(m.Kind), m.Data)
	}
	if f.flate != nil {
		return f.flate.AppendMessage(dst, m.Kind == Text, m.Data, f.maskKey()), nil
	}
	return rfc6455.AppendMessage(dst, m.Kind == Text, m.Data, f.maskKey()), nil
}

func (f *rfcFraming) messages(ev *event, each func(Message) error) (n uint64, err, eachErr error) {
	for {
		if f.trace == nil {
			if data, text, ok := f.d.NextMessage(); ok {
				m := Message{Data: data, valid: text}
				if !text {
					m.Kind = Binary
				}
				n++
				if err := each(m); err != nil {
					return n, nil, err
				}
				continue
			}
		}
		if err := f.next(ev); err != nil || ev.kind != eventMessage {
			return n, err, nil
		}
		n++
		if err := each(ev.msg); err != nil {
			return n, nil, err
		}
	}
}

func dataOp(k Kind) byte {
	if k == Binary {
		return rfc6455.OpBinary
	}
	return rfc6455.OpText
}

// rfcEnds does FrameEnds.
func rfcEnds(b []byte) (ends []int) {
	for at := 0; len(b)-at >= 2; {
		op, size, head := b[at]&0x0F, int(b[at+1]&0x7F), 2
		switch {
		case size == 126 && len(b)-at >= 4:
			size, head = int(binary.BigEndian.Uint16(b[at+2:])), 4
		case size == 127 && len(b)-at >= 10:
			size, head = int(binary.BigEndian.Uint64(b[at+2:])), 10
		}
		if b[at+1]&0x80 != 0 {
			head += 4 // the masking key
		}
		if size < 0 || size > len(b)-at-head {
			break
		}
		if at += head + size; op < rfc6455.OpClose {
			ends = append(ends, at)
		}
	}
	return ends
}
