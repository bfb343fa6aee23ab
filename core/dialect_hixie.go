package core

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/rfc6455"
)

// hixieProtocol is a draft.
type hixieProtocol struct{ draft hixie.Draft }

func (p hixieProtocol) lacks() Lacks {
	return Lacks{Binary: true, Pings: true, Masks: true, Choice: true, Browsers: true, Closing: p.draft == hixie.Draft75}
}

// frames are the same in both drafts.
func (p hixieProtocol) frames() Dialect { return Hixie76 }

func (p hixieProtocol) newFraming(o framingOptions) framing {
	f := &hixieFraming{draft: p.draft, count: o.count, trace: o.trace}
	f.d.MaxMessage, f.d.Draft = o.maxMessage, p.draft
	f.d.KeepAll = o.trace.wantsFrames()
	return f
}

func (p hixieProtocol) ends(b []byte) (ends []int) {
	for at := 0; at < len(b); {
		n := bytes.IndexByte(b[at:], 0xFF)
		if n <= 0 { // a closing frame, or none
			break
		}
		at += n + 1
		ends = append(ends, at)
	}
	return ends
}

// cutsOff is how draft 76 says that something has failed.
func (p hixieProtocol) cutsOff(code int) bool {
	return p.draft == hixie.Draft76 && code == rfc6455.CodeInternalError
}

func (p hixieProtocol) compose(c *clientHandshake) error {
	c.opening.Draft = p.draft
	if p.draft == hixie.Draft75 {
		c.request = c.opening.Request()
		return nil
	}
	generator := hixie.NewGenerator(c.Rand)
	switch given := []bool{c.Key1 != "", c.Key2 != "", len(c.Key3) > 0}; {
	case !slices.Contains(given, true):
		challenge, err := generator.Next()
		if err != nil {
			return err
		}
		c.opening.Challenge = challenge
	case slices.Contains(given, false):
		return errors.New("a fixed challenge needs key1, key2 and key3")
	case len(c.Key3) != 8:
		return fmt.Errorf("key3 has %d bytes, want 8", len(c.Key3))
	default:
		c.opening.Challenge = hixie.Challenge{Key1: []byte(c.Key1), Key2: []byte(c.Key2), Key3: [8]byte(c.Key3)}
	}
	var err error
	if c.answer, err = c.opening.Challenge.Answer(); err != nil {
		return fmt.Errorf("fixed challenge: %w", err)
	}
	c.request = c.opening.Request()
	// In one write with the head: several servers fail when it comes alone.
	c.behind = c.opening.Challenge.Key3[:]
	if c.FixedOrder {
		return nil
	}
	// Section 4.1, step 24: the fields go out in a random order.
	return generator.Shuffle(c.request.Fields)
}

func (p hixieProtocol) check(ctx context.Context, c *clientHandshake) error {
	protocol, tolerated, err := c.opening.Check(&c.response, c.Strict)
	for _, t := range tolerated {
		c.trace.note("tolerated: %v", t)
	}
	if err != nil {
		return err
	}
	c.protocol = protocol
	if !p.challenged() {
		return nil
	}
	answer, err := c.bytes(ctx, 16)
	if err != nil {
		return fmt.Errorf("the 16 bytes that answer the challenge: %w", err)
	}
	return hixie.CheckAnswer([16]byte(answer), c.answer)
}

func (p hixieProtocol) answered(e *HandshakeError) bool {
	if p.draft == hixie.Draft75 {
		return e.Fields.Count("WebSocket-Location") > 0
	}
	return e.Fields.Count("Sec-WebSocket-Location") > 0
}

func (p hixieProtocol) asked(f hixie.Fields) (bool, error) {
	draft, err := hixie.Detect(f)
	return draft == p.draft, err
}

func (p hixieProtocol) read(h *Handshake) error {
	opening, tolerated, err := hixie.ReadOpening(&h.Request, hixie.ReadOptions{
		Secure: h.opts.Secure, LenientKeys: h.opts.LenientKeys, Strict: h.opts.Strict})
	for _, t := range tolerated {
		h.opts.Trace.note("tolerated: %v", t)
	}
	if err != nil {
		return h.refuse("request", badRequest, err)
	}
	h.opening = opening
	return nil
}

func (p hixieProtocol) respond(h *Handshake, protocols []string) hixie.Response {
	h.Protocol = choose(h.opening.Protocols, protocols)
	location := ""
	if h.opts.Location != nil {
		location = h.opts.Location(&h.Request)
	}
	return h.opening.Response(h.Protocol, location)
}

func (p hixieProtocol) challenged() bool { return p.draft == hixie.Draft76 }

// hixieFraming is the framing of drafts 75 and 76, which differ in closing only.
type hixieFraming struct {
	d      hixie.Decoder
	draft  hixie.Draft
	count  *counters // of the receiving side
	trace  *Trace
	repair []byte // a text whose invalid bytes were replaced
}

func (f *hixieFraming) feed(p []byte) { f.d.Feed(p) }
func (f *hixieFraming) room() []byte  { return f.d.Buffer() }
func (f *hixieFraming) advance(n int) { f.d.Advance(n) }
func (f *hixieFraming) rest() []byte  { return f.d.Rest() }
func (f *hixieFraming) own()          { f.d.Own() }
func (f *hixieFraming) paused() bool  { return false }
func (f *hixieFraming) trim()         {}
func (f *hixieFraming) end() error    { return f.d.End() }
func (f *hixieFraming) between() bool { return f.d.Between() }
func (f *hixieFraming) held() int     { return f.d.Held() + cap(f.repair) }
func (f *hixieFraming) release()      { f.d.Release(); f.repair = nil }
func (f *hixieFraming) forget()       { f.d.Reset(f.d.Offset()); f.release() }

func (f *hixieFraming) reset(maxMessage, offset int64) {
	f.d.MaxMessage = maxMessage
	f.d.Reset(offset)
}

func (f *hixieFraming) nextRun() (frames []byte, n int) {
	if f.trace != nil { // each is to be seen
		return nil, 0
	}
	return f.d.NextRun()
}

func (f *hixieFraming) violation(error) (code int, reason string, tell bool) { return 0, "", false }

func (f *hixieFraming) malformed(err error) bool {
	var syntax *hixie.SyntaxError
	return errors.As(err, &syntax)
}

func (f *hixieFraming) next(ev *event) error {
	for {
		frame, err := f.d.Next()
		if err != nil {
			return hixieError(err)
		}
		if frame.IsText() {
			*ev = event{kind: eventMessage, msg: f.text(frame)}
			return nil
		}
		if f.control(frame, ev) {
			return nil
		}
	}
}

func (f *hixieFraming) messages(ev *event, each func(Message) error) (n uint64, err, eachErr error) {
	for {
		frame, err := f.d.Next()
		if err != nil {
			return n, hixieError(err), nil
		}
		if frame.IsText() {
			n++
			if err := each(f.text(frame)); err != nil {
				return n, nil, err
			}
		} else if f.control(frame, ev) {
			return n, nil, nil
		}
	}
}

func hixieError(err error) error {
	switch {
	case err == hixie.ErrIncomplete:
		return errIncomplete
	case errors.Is(err, hixie.ErrMessageTooLarge):
		return fmt.Errorf("%w: %w", ErrMessageTooLarge, err)
	}
	return err
}

// text returns the message of a text frame. Section 5.3: bytes of it that are not UTF-8 become U+FFFD.
func (f *hixieFraming) text(frame *hixie.Frame) Message {
	if f.trace != nil {
		f.trace.sawFrame(false, frame.Type, frame.Payload)
	}
	m := Message{Data: frame.Payload, valid: true}
	if !frame.Valid && !hixie.ValidUTF8(frame.Payload) {
		f.repair = hixie.AppendValidUTF8(f.repair[:0], frame.Payload)
		m.Data = f.repair
		f.count.repaired.Add(1)
		if f.trace != nil {
			f.trace.note("frame at offset %d: text is not UTF-8 from byte %d on; U+FFFD put in", frame.Offset, hixie.InvalidAt(frame.Payload))
		}
	}
	return m
}

// control handles a frame that is no text and reports whether ev says what it means.
func (f *hixieFraming) control(frame *hixie.Frame, ev *event) bool {
	f.trace.sawFrame(false, frame.Type, frame.Payload)
	// Draft 75 knows no closing frame: FF 00 is one more frame to skip.
	if frame.IsClosing() && f.draft == hixie.Draft76 {
		*ev = event{kind: eventClosing, code: codeNone}
		return true
	}
	f.count.skipped.Add(1)
	if f.trace != nil { // a peer may send very many
		f.trace.note("frame at offset %d: type 0x%02X with %d bytes skipped", frame.Offset, frame.Type, frame.Length)
	}
	return false
}

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
func (f *hixieFraming) appendPing(dst, _ []byte) []byte           { return dst }
func (f *hixieFraming) hasClosing() bool                          { return f.draft == hixie.Draft76 }

func (f *hixieFraming) appendMessage(dst []byte, m Message) ([]byte, error) {
	if !m.valid {
		if err := f.check(m); err != nil {
			return dst, err
		}
	}
	if f.trace != nil {
		f.trace.sawFrame(true, 0x00, m.Data)
	}
	return hixie.AppendText(dst, m.Data), nil
}

func (f *hixieFraming) appendClosing(dst []byte, _ int, _ string) []byte {
	if !f.hasClosing() {
		return dst
	}
	f.trace.sawFrame(true, 0xFF, nil)
	return hixie.AppendClosing(dst)
}
