package core

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/rfc6455"
)

// ErrIncomplete says that what has come so far is right but not all.
var ErrIncomplete = errIncomplete

// ErrPaused says that what has come of a Codec's bytes takes long, and that others may
// take their turn before the next call.
var ErrPaused = errPaused

// ErrPolicyRequest is wrapped by the error of a handshake in which a Flash player
// asked for the policy file instead.
var ErrPolicyRequest = errors.New("the client asked for the Flash policy file")

// policyRequest is what Flash players send ahead of the connection proper.
const policyRequest = "<policy-file-request/>\x00"

// Handshake is the server's side of one opening handshake without I/O: what was
// read goes in, what is to be sent comes out. Accept and event loops share it.
//
//	n, err := h.Read(b) // ErrIncomplete: once more with more
//	out, err := h.AppendResponse(nil, nil, nil)
//	if h.Challenged() {
//		out, err = h.AppendAnswer(out, key3) // the 8 bytes at b[n:]
//	}
//
// What follows then belongs to the connection. After an error of Read, or of
// Refuse, AppendRefusal says what to answer before the stream is closed.
type Handshake struct {
	Request  hixie.Request
	Dialect  Dialect
	Protocol string // agreed on; set by AppendResponse
	// Compressed says that permessage-deflate was agreed on; set by AppendResponse.
	Compressed bool

	opts      *AcceptOptions
	watch     func() (ctx context.Context, stop func()) // nil: there is no stream
	opening   hixie.Opening                             // drafts 75 and 76
	key       string                                    // RFC 6455
	responded bool
	refusal   *Refusal // what to answer in place of an opening
	text      string   // and its body
}

// NewHandshake returns a handshake by opts, which must not be nil and not change.
func NewHandshake(opts *AcceptOptions) *Handshake { return &Handshake{opts: opts} }

// Context is for who must wait before the request is answered, in AcceptOptions.Agree: it
// ends when the peer hangs up, or its time is. Call stop before the answer.
func (h *Handshake) Context() (ctx context.Context, stop func()) {
	if h.watch == nil {
		return context.Background(), func() {}
	}
	return h.watch()
}

// Read reads the request at the start of b, picks the dialect by what it says and
// checks it. It returns the length of the head; what was read stays good when b
// is used for something else. The error is ErrIncomplete until b decides, then
// nil, a *NotWebSocketError (its Read aliases b) or a *HandshakeError.
func (h *Handshake) Read(b []byte) (n int, err error) {
	if h.opts.FlashPolicy != "" && len(b) > 0 && b[0] == policyRequest[0] {
		if err := h.readPolicyRequest(b); err != nil {
			return 0, err
		}
	}
	request, n, err := hixie.ParseRequest(b)
	switch {
	case err == hixie.ErrIncomplete:
		return 0, ErrIncomplete
	case errors.Is(err, hixie.ErrHeadTooLarge), errors.Is(err, hixie.ErrTooManyFields):
		return 0, h.refuse("request head", tooLarge, err)
	case err != nil:
		return 0, h.refuse("request head", badRequest, err)
	}
	h.Request = request
	h.opts.Trace.request(&h.Request)
	if !AsksForWebSocket(&request) {
		return 0, &NotWebSocketError{Request: request, Read: b}
	}
	if err := h.pick(); err != nil {
		return 0, h.refuse("dialect", badRequest, err)
	}
	if len(h.opts.Dialects) > 0 && !slices.Contains(h.opts.Dialects, h.Dialect) {
		return 0, h.refuse("dialect", badRequest, fmt.Errorf("%s is not served here", h.Dialect))
	}
	if h.opts.Check != nil {
		if r := h.opts.Check(&h.Request, h.Dialect); r != nil {
			return 0, h.Refuse(r)
		}
	}
	return n, protocolOf(h.Dialect).read(h)
}

// AsksForWebSocket reports whether a request is for a WebSocket of any dialect, or
// tries to be.
func AsksForWebSocket(r *hixie.Request) bool {
	return r.Fields.HasToken("Upgrade", "websocket") || r.Fields.Count("Sec-WebSocket-Key1") > 0
}

// readPolicyRequest returns nil when b is something else.
func (h *Handshake) readPolicyRequest(b []byte) error {
	switch {
	case bytes.HasPrefix(b, []byte(policyRequest)):
		h.text = h.opts.FlashPolicy + "\x00"
		return h.fail("first bytes", ErrPolicyRequest)
	case strings.HasPrefix(policyRequest, string(b)):
		return ErrIncomplete
	}
	return nil
}

// pick tells the dialect: section 7 of what the drafts and RFC 6455 have in common.
func (h *Handshake) pick() error {
	for i, p := range protocols {
		if asked, err := p.asked(h.Request.Fields); asked || err != nil {
			h.Dialect = Dialects[i]
			return err
		}
	}
	return nil // not reached: the last one takes what is no other's
}

// AppendResponse appends the head of the response. The sub-protocol is the first
// offered one among protocols, or any with nil; header is added to what the
// handshake itself says. An error says that something of it must not be written; it is
// one of the server's own.
func (h *Handshake) AppendResponse(dst []byte, protocols []string, header hixie.Fields) ([]byte, error) {
	h.responded = true
	response := protocolOf(h.Dialect).respond(h, protocols)
	response.Fields = append(response.Fields, header...)
	if err := response.Check(); err != nil {
		h.responded = false
		return dst, h.refuse("answer", failed, err)
	}
	if h.opts.Trace != nil {
		shown := response
		h.opts.Trace.response(&shown)
	}
	return hixie.AppendResponse(dst, &response), nil
}

// choose agrees to the first offered sub-protocol that is spoken here. What it
// returns does not keep the head alive.
func choose(offered, spoken []string) string {
	for _, p := range offered {
		if spoken == nil {
			return strings.Clone(p)
		}
		if i := slices.Index(spoken, p); i >= 0 {
			return spoken[i]
		}
	}
	return ""
}

// Challenged says that 8 bytes, key3, follow the head, and their answer the
// response: draft 76. Where key3 is not there yet the head has to go first:
// HAProxy and others hand on the bytes behind the head only once they have seen
// ours. The keys have been checked by then.
func (h *Handshake) Challenged() bool { return protocolOf(h.Dialect).challenged() }

// Key3Len is how many bytes follow the head where it is challenged.
const Key3Len = len(hixie.Challenge{}.Key3)

// AppendAnswer appends the 16 bytes that answer the challenge with key3.
func (h *Handshake) AppendAnswer(dst []byte, key3 [Key3Len]byte) ([]byte, error) {
	h.opening.Challenge.Key3 = key3
	// The keys were checked by Read, by the strict or the lenient rule.
	answer, err := h.opening.Challenge.AnswerLenient()
	if err != nil {
		return dst, h.fail("challenge", err)
	}
	return append(dst, answer[:]...), nil
}

var (
	badRequest      = &Refusal{Status: 400, Reason: "Bad Request"}
	upgradeRequired = &Refusal{Status: 426, Reason: "Upgrade Required",
		Fields: hixie.Fields{{Name: "Sec-WebSocket-Version", Value: rfc6455.Version}, {Name: "Upgrade", Value: "websocket"}}}
	failed    = &Refusal{Status: 500, Reason: "Internal Server Error", Text: "the answer could not be made; the server's log says why"}
	tooLarge  = &Refusal{Status: 431, Reason: "Request Header Fields Too Large"}
	tooSlowly = &Refusal{Status: 408, Reason: "Request Timeout"}
)

// Refuse returns the error of a handshake that is to be answered with r.
func (h *Handshake) Refuse(r *Refusal) error { return h.refuse("request", r, errors.New(r.Text)) }

// Expire returns the error of a handshake whose time is up after got bytes of a
// head or, behind AppendResponse, of key3. The peer is told where that makes sense.
func (h *Handshake) Expire(got int, after time.Duration) error {
	if got == 0 || h.responded {
		return h.Lost(got, handshakeTimeout(after))
	}
	return h.refuse("request head", tooSlowly, cutHead(got, handshakeTimeout(after)))
}

// Lost returns the error of a handshake whose stream failed with err after got
// bytes of a head or, behind AppendResponse, of key3.
func (h *Handshake) Lost(got int, err error) error {
	if h.responded {
		return h.fail(stepKey3, cutKey3(got, err))
	}
	return h.fail("request head", cutHead(got, err))
}

const stepKey3 = "key3, the 8 bytes behind the head"

func cutHead(got int, err error) error { return fmt.Errorf("got %d bytes of a head: %w", got, err) }
func cutKey3(got int, err error) error {
	return fmt.Errorf("got %d of %d bytes: %w", got, Key3Len, err)
}

func (h *Handshake) refuse(step string, r *Refusal, err error) error {
	he := h.fail(step, err)
	he.Status = r.Status
	h.refusal = r
	if h.text = r.Text; h.text == "" {
		h.text = err.Error()
	}
	return he
}

// AppendRefusal appends what is to be answered after an error: an HTTP response
// with the reason as text, or nothing where there is nothing to be said.
func (h *Handshake) AppendRefusal(dst []byte) []byte {
	r := h.refusal
	if r == nil {
		return append(dst, h.text...) // a policy file
	}
	response := hixie.Response{Proto: "HTTP/1.1", Status: r.Status, Reason: r.Reason, Fields: slices.Concat(r.Fields, hixie.Fields{
		{Name: "Content-Type", Value: "text/plain; charset=utf-8"}, {Name: "X-Content-Type-Options", Value: "nosniff"},
		{Name: "Content-Length", Value: fmt.Sprint(len(h.text) + 1)}, {Name: "Connection", Value: "close"},
	})}
	if response.Check() != nil { // a field of a script's or a proxied server's
		response.Fields, response.Reason = response.Fields[len(r.Fields):], ""
	}
	h.opts.Trace.response(&response)
	dst = hixie.AppendResponse(dst, &response)
	dst = append(dst, h.text...)
	return append(dst, '\n')
}

// fail turns an error at a step into a *HandshakeError.
func (h *Handshake) fail(step string, err error) *HandshakeError {
	he := &HandshakeError{Dialect: h.Dialect, Step: step, Err: err, Fields: h.Request.Fields}
	var check *hixie.CheckError
	if errors.As(err, &check) {
		he.Step, he.Field, he.Got, he.Want = check.Step, check.Field, check.Got, check.Want
	}
	return he
}
