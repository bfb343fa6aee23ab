package core

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"slices"
	"strings"

	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/rfc6455"
)

// rfcProtocol is RFC 6455.
type rfcProtocol struct{}

func (rfcProtocol) lacks() Lacks     { return Lacks{} }
func (rfcProtocol) frames() Dialect  { return RFC6455 }
func (rfcProtocol) cutsOff(int) bool { return false }
func (rfcProtocol) challenged() bool { return false }

func (rfcProtocol) newFraming(o framingOptions) framing {
	f := &rfcFraming{mask: o.mask, trace: o.trace}
	if o.compressed {
		f.flate = new(rfc6455.Flate)
	}
	f.d.MaxMessage, f.d.Masked, f.d.Inflate, f.d.Piece = o.maxMessage, !o.client, f.flate, inflatePiece
	return f
}

func (rfcProtocol) ends(b []byte) (ends []int) {
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

func (rfcProtocol) compose(c *clientHandshake) (err error) {
	if c.key, err = rfc6455.NewKey(c.Rand); err != nil {
		return err
	}
	if c.mask, err = newMasker(c.Rand); err != nil {
		return err
	}
	fields := hixie.Fields{
		{Name: "Host", Value: c.opening.Host}, {Name: "Upgrade", Value: "websocket"}, {Name: "Connection", Value: "Upgrade"},
		{Name: "Origin", Value: c.opening.Origin},
		{Name: "Sec-WebSocket-Version", Value: rfc6455.Version}, {Name: "Sec-WebSocket-Key", Value: c.key},
	}
	if len(c.Protocols) > 0 {
		fields = append(fields, hixie.Field{Name: "Sec-WebSocket-Protocol", Value: strings.Join(c.Protocols, ", ")})
	}
	if c.Compress {
		fields = append(fields, hixie.Field{Name: "Sec-WebSocket-Extensions", Value: rfc6455.Offer()})
	}
	c.request = hixie.Request{Method: "GET", Resource: c.target.Resource, Proto: "HTTP/1.1", Fields: fields}
	return nil
}

// newMasker returns a source of masking keys. RFC 6455, section 5.3 wants them
// unpredictable to whoever writes the payload; ChaCha8 with a secret seed is.
func newMasker(r io.Reader) (func() *[4]byte, error) {
	var seed [32]byte
	if _, err := io.ReadFull(r, seed[:]); err != nil {
		return nil, err
	}
	source := mathrand.NewChaCha8(seed)
	var key [4]byte
	return func() *[4]byte {
		binary.LittleEndian.PutUint32(key[:], uint32(source.Uint64()))
		return &key
	}, nil
}

// check does the checks of RFC 6455, section 4.1.
func (rfcProtocol) check(_ context.Context, c *clientHandshake) error {
	r := &c.response
	fail := func(step, field, want string) error {
		got, ok := r.Fields.Get(field)
		return &hixie.CheckError{Step: step, Field: field, Got: got, Want: want, Missing: !ok}
	}
	if r.Status != 101 {
		// The drafts' check says what such an answer may mean.
		_, _, err := c.opening.Check(r, c.Strict)
		return err
	}
	accept, _ := r.Fields.Get("Sec-WebSocket-Accept")
	switch {
	case !r.Fields.HasToken("Upgrade", "websocket"):
		return fail(hixie.StepUpgrade, "Upgrade", "websocket")
	case !r.Fields.HasToken("Connection", "upgrade"):
		return fail(hixie.StepConnection, "Connection", "Upgrade")
	case strings.TrimSpace(accept) != rfc6455.AcceptKey(c.key):
		return fail(hixie.StepAnswer, "Sec-WebSocket-Accept", rfc6455.AcceptKey(c.key))
	}
	protocol, _ := r.Fields.Get("Sec-WebSocket-Protocol")
	if c.protocol = strings.TrimSpace(protocol); c.protocol != "" && !slices.Contains(c.Protocols, c.protocol) {
		return fail(hixie.StepProtocol, "Sec-WebSocket-Protocol", "one that was asked for")
	}
	extensions := strings.Join(r.Fields.Values("Sec-WebSocket-Extensions"), ", ")
	_, compressed, err := rfc6455.Accept(extensions)
	if err != nil || extensions != "" && !c.Compress {
		return &hixie.CheckError{Step: "extensions", Field: "Sec-WebSocket-Extensions", Got: extensions, Want: "what was offered"}
	}
	c.compressed = compressed
	return nil
}

func (rfcProtocol) answered(e *HandshakeError) bool {
	version, _ := e.Fields.Get("Sec-WebSocket-Version")
	return strings.Contains(version, rfc6455.Version) || e.Fields.Count("Sec-WebSocket-Accept") > 0 || e.Status == upgradeRequired.Status
}

// asked takes whatever is no draft's: read says what is wrong with it.
func (rfcProtocol) asked(hixie.Fields) (bool, error) { return true, nil }

// read does RFC 6455, section 4.2.1.
func (rfcProtocol) read(h *Handshake) error {
	opening, err := hixie.ReadUpgrade(&h.Request)
	if err != nil {
		return h.refuse("request", badRequest, err)
	}
	f := h.Request.Fields
	key, _ := f.Get("Sec-WebSocket-Key")
	version, _ := f.Get("Sec-WebSocket-Version")
	key, version = strings.TrimSpace(key), strings.TrimSpace(version)
	switch {
	case f.Count("Sec-WebSocket-Version") > 1:
		return h.refuse("request", badRequest, errors.New("more than one Sec-WebSocket-Version"))
	case !rfc6455.KnownVersion(version):
		return h.refuse("request", upgradeRequired, fmt.Errorf("Sec-WebSocket-Version %q, want %s", version, rfc6455.Version))
	case f.Count("Sec-WebSocket-Key") > 1:
		return h.refuse("request", badRequest, errors.New("more than one Sec-WebSocket-Key"))
	case !rfc6455.ValidKey(key):
		return h.refuse("request", badRequest, fmt.Errorf("Sec-WebSocket-Key %q is not base64 of 16 bytes", key))
	}
	h.opening, h.key = opening, key
	return nil
}

// respond does RFC 6455, section 4.2.2.
func (rfcProtocol) respond(h *Handshake, protocols []string) hixie.Response {
	f := h.Request.Fields
	h.Protocol = choose(h.opening.Protocols, protocols)
	response := hixie.Response{Proto: "HTTP/1.1", Status: 101, Reason: "Switching Protocols", Fields: hixie.Fields{
		{Name: "Upgrade", Value: "websocket"}, {Name: "Connection", Value: "Upgrade"},
		{Name: "Sec-WebSocket-Accept", Value: rfc6455.AcceptKey(h.key)},
	}}
	if h.Protocol != "" {
		response.Fields = append(response.Fields, hixie.Field{Name: "Sec-WebSocket-Protocol", Value: h.Protocol})
	}
	if !h.opts.Compress {
		return response
	}
	if offer := strings.Join(f.Values("Sec-WebSocket-Extensions"), ", "); offer != "" {
		if answer, _, ok := rfc6455.Negotiate(offer); ok {
			h.Compressed = true
			response.Fields = append(response.Fields, hixie.Field{Name: "Sec-WebSocket-Extensions", Value: answer})
		}
	}
	return response
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

func (f *rfcFraming) malformed(err error) bool {
	var syntax *rfc6455.SyntaxError
	return errors.As(err, &syntax)
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
