package core

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/rfc6455"
)

// DefaultHandshakeTimeout bounds the opening handshake of a server, and the wait
// for key3 within it, where an option says nothing.
const DefaultHandshakeTimeout = 10 * time.Second

// AcceptOptions say how a server opens its side. A nil pointer and the zero value
// of every field are fine.
type AcceptOptions struct {
	// Dialects that are served; nil is all of them.
	Dialects []Dialect
	// Secure says that the stream came in over TLS: Location begins with wss.
	Secure bool
	// Location overrides what the response says the URL is; behind a proxy that ends
	// TLS or renames the host it must be what the client asked for. "" leaves it.
	Location func(*hixie.Request) string
	// Check may refuse a request before it is answered. nil accepts all.
	Check func(*hixie.Request, Dialect) *Refusal
	// Protocols are the sub-protocols that are spoken; the first offered one among
	// them is agreed on. nil agrees to the first offered.
	Protocols []string
	// Header fields are added to the response.
	Header hixie.Fields

	// LenientKeys takes keys that do not divide, rounded down.
	LenientKeys bool
	// Strict refuses what is tolerated otherwise; see hixie.Tolerance.
	Strict bool
	// Compress takes permessage-deflate where the client offers it. RFC 6455 only.
	Compress bool
	// MaxMessage is the largest message to receive in bytes. 0: DefaultMaxMessage.
	MaxMessage int64
	// HandshakeTimeout bounds the opening handshake. 0: DefaultHandshakeTimeout.
	HandshakeTimeout time.Duration
	// CloseTimeout bounds the closing handshake. 0: DefaultCloseTimeout.
	CloseTimeout time.Duration
	Trace        *Trace
}

// Refusal is an answer to a request that is not to become a connection.
type Refusal struct {
	Status int    // 403
	Reason string // "Forbidden"
	Text   string // the body, one line
	Fields hixie.Fields
}

// Accept reads the opening request from a stream, picks the dialect by what it
// says and answers it. Bytes that come early are kept for the connection. ctx and
// HandshakeTimeout bound it.
//
// A *NotWebSocketError leaves the stream open and unanswered. On any other error
// the stream is closed, after an HTTP refusal where the head was read: a
// *HandshakeError, or ctx's cause.
func Accept(ctx context.Context, stream net.Conn, opts *AcceptOptions) (*Conn, error) {
	s := &serverHandshake{}
	if opts != nil {
		s.AcceptOptions = *opts
	}
	s.MaxMessage, s.CloseTimeout = limits(s.MaxMessage, s.CloseTimeout)
	if s.HandshakeTimeout == 0 {
		s.HandshakeTimeout = DefaultHandshakeTimeout
	}
	s.exchange = newExchange(stream, s.Trace)
	ctx, cancel := context.WithTimeoutCause(ctx, s.HandshakeTimeout,
		fmt.Errorf("no handshake within %v: %w", s.HandshakeTimeout, context.DeadlineExceeded))
	defer cancel()
	conn, err := s.run(ctx)
	s.done()
	var plain *NotWebSocketError
	if err != nil && !errors.As(err, &plain) {
		stream.Close()
	}
	return conn, err
}

// serverHandshake opens a connection from the server's side, one method a step.
type serverHandshake struct {
	AcceptOptions
	exchange

	request  hixie.Request
	dialect  Dialect
	protocol string
	flate    *rfc6455.Flate
}

func (s *serverHandshake) run(ctx context.Context) (*Conn, error) {
	request, n, err := head(ctx, &s.exchange, hixie.ParseRequest)
	if err != nil {
		return nil, s.badHead(ctx, err)
	}
	s.request = request
	s.trace.request(&request)
	if !request.Fields.HasToken("Upgrade", "websocket") && request.Fields.Count("Sec-WebSocket-Key1") == 0 {
		return nil, &NotWebSocketError{Request: request, Read: s.buf}
	}
	s.buf = s.buf[n:]
	if err := s.pick(); err != nil {
		return nil, s.refuse(ctx, "dialect", badRequest, err)
	}
	if len(s.Dialects) > 0 && !slices.Contains(s.Dialects, s.dialect) {
		return nil, s.refuse(ctx, "dialect", badRequest, fmt.Errorf("%s is not served here", s.dialect))
	}
	if s.Check != nil {
		if r := s.Check(&request, s.dialect); r != nil {
			return nil, s.refuse(ctx, "request", r, errors.New(r.Text))
		}
	}
	if s.dialect == RFC6455 {
		err = s.answer6455(ctx)
	} else {
		err = s.answerHixie(ctx)
	}
	if err != nil {
		return nil, err
	}
	return newConn(s.stream, connConfig{
		dialect: s.dialect, protocol: s.protocol, request: s.request,
		maxMessage: s.MaxMessage, closeTimeout: s.CloseTimeout, trace: s.Trace,
		flate: s.flate, early: s.buf,
	}), nil
}

// pick tells the dialect: section 7 of what the drafts and RFC 6455 have in common.
func (s *serverHandshake) pick() error {
	draft, err := hixie.Detect(s.request.Fields)
	switch {
	case err != nil:
		return err
	case draft == hixie.Draft76:
		s.dialect = Hixie76
	case draft == hixie.Draft75:
		s.dialect = Hixie75
	default:
		s.dialect = RFC6455
	}
	return nil
}

func (s *serverHandshake) answerHixie(ctx context.Context) error {
	opening, tolerated, err := hixie.ReadOpening(&s.request, hixie.ReadOptions{
		Secure: s.Secure, LenientKeys: s.LenientKeys, Strict: s.Strict})
	for _, t := range tolerated {
		s.trace.note("tolerated: %v", t)
	}
	if err != nil {
		return s.refuse(ctx, "request", badRequest, err)
	}
	s.protocol = s.choose(opening.Protocols)
	location := ""
	if s.Location != nil {
		location = s.Location(&s.request)
	}
	response := opening.Response(s.protocol, location)
	response.Fields = append(response.Fields, s.Header...)
	s.trace.response(&response)
	out := hixie.AppendResponse(nil, &response)
	if s.dialect == Hixie75 {
		return s.io("answering", s.write(ctx, out))
	}
	if len(s.buf) < len(opening.Challenge.Key3) {
		// HAProxy and others hand on the 8 bytes behind the head only once they have
		// seen our head. The keys are good by now, so it may go first.
		if err := s.write(ctx, out); err != nil {
			return s.io("answering", err)
		}
		out = nil
	}
	key3, err := s.bytes(ctx, len(opening.Challenge.Key3))
	if err != nil {
		return s.io("key3, the 8 bytes behind the head", err)
	}
	opening.Challenge.Key3 = [8]byte(key3)
	// The keys were checked above, by the strict or the lenient rule.
	answer, err := opening.Challenge.AnswerLenient()
	if err != nil {
		return s.io("challenge", err)
	}
	return s.io("answering", s.write(ctx, append(out, answer[:]...)))
}

// answer6455 does RFC 6455, section 4.2.
func (s *serverHandshake) answer6455(ctx context.Context) error {
	f := s.request.Fields
	key, _ := f.Get("Sec-WebSocket-Key")
	version, _ := f.Get("Sec-WebSocket-Version")
	key, version = strings.TrimSpace(key), strings.TrimSpace(version)
	switch {
	case s.request.Method != "GET":
		return s.refuse(ctx, "request line", badRequest, fmt.Errorf("method %q, want GET", s.request.Method))
	case f.Count("Host") == 0:
		return s.refuse(ctx, "request", badRequest, errors.New("no Host field"))
	case !f.HasToken("Connection", "upgrade"):
		return s.refuse(ctx, "request", badRequest, errors.New("the Connection field does not hold Upgrade"))
	case !rfc6455.KnownVersion(version):
		return s.refuse(ctx, "request", upgradeRequired, fmt.Errorf("Sec-WebSocket-Version %q, want %s", version, rfc6455.Version))
	case !rfc6455.ValidKey(key):
		return s.refuse(ctx, "request", badRequest, fmt.Errorf("Sec-WebSocket-Key %q is not base64 of 16 bytes", key))
	}
	offered, _ := f.Get("Sec-WebSocket-Protocol")
	s.protocol = s.choose(strings.FieldsFunc(offered, func(r rune) bool { return r == ',' || r == ' ' }))
	response := hixie.Response{Proto: "HTTP/1.1", Status: 101, Reason: "Switching Protocols", Fields: hixie.Fields{
		{Name: "Upgrade", Value: "websocket"}, {Name: "Connection", Value: "Upgrade"},
		{Name: "Sec-WebSocket-Accept", Value: rfc6455.AcceptKey(key)},
	}}
	if s.protocol != "" {
		response.Fields = append(response.Fields, hixie.Field{Name: "Sec-WebSocket-Protocol", Value: s.protocol})
	}
	if offer := strings.Join(f.Values("Sec-WebSocket-Extensions"), ", "); s.Compress && offer != "" {
		if answer, _, ok := rfc6455.Negotiate(offer); ok {
			s.flate = new(rfc6455.Flate)
			response.Fields = append(response.Fields, hixie.Field{Name: "Sec-WebSocket-Extensions", Value: answer})
		}
	}
	response.Fields = append(response.Fields, s.Header...)
	s.trace.response(&response)
	return s.io("answering", s.write(ctx, hixie.AppendResponse(nil, &response)))
}

// choose agrees to the first offered sub-protocol that is spoken here.
func (s *serverHandshake) choose(offered []string) string {
	for _, p := range offered {
		if s.Protocols == nil || slices.Contains(s.Protocols, p) {
			return p
		}
	}
	return ""
}

var (
	badRequest      = &Refusal{Status: 400, Reason: "Bad Request"}
	upgradeRequired = &Refusal{Status: 426, Reason: "Upgrade Required",
		Fields: hixie.Fields{{Name: "Sec-WebSocket-Version", Value: rfc6455.Version}, {Name: "Upgrade", Value: "websocket"}}}
	tooLarge  = &Refusal{Status: 431, Reason: "Request Header Fields Too Large"}
	tooSlowly = &Refusal{Status: 408, Reason: "Request Timeout"}
)

// badHead answers a head that is none, where the peer can be told.
func (s *serverHandshake) badHead(ctx context.Context, err error) error {
	var syntax *hixie.SyntaxError
	switch {
	case errors.Is(err, hixie.ErrHeadTooLarge), errors.Is(err, hixie.ErrTooManyFields):
		return s.refuse(ctx, "request head", tooLarge, err)
	case errors.As(err, &syntax):
		return s.refuse(ctx, "request head", badRequest, err)
	case ctx.Err() != nil && len(s.buf) > 0:
		return s.refuse(ctx, "request head", tooSlowly, err)
	}
	return s.io("request head", err)
}

// refuse answers in HTTP with the reason as text, then closes.
func (s *serverHandshake) refuse(ctx context.Context, step string, r *Refusal, err error) error {
	he := s.io(step, err).(*HandshakeError)
	he.Status = r.Status
	text := r.Text
	if text == "" {
		text = err.Error()
	}
	response := hixie.Response{Proto: "HTTP/1.1", Status: r.Status, Reason: r.Reason, Fields: slices.Concat(r.Fields, hixie.Fields{
		{Name: "Content-Type", Value: "text/plain; charset=utf-8"}, {Name: "X-Content-Type-Options", Value: "nosniff"},
		{Name: "Content-Length", Value: fmt.Sprint(len(text) + 1)}, {Name: "Connection", Value: "close"},
	})}
	s.trace.response(&response)
	// Time may be up already; a refusal gets a moment of its own.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.CloseTimeout)
	defer cancel()
	if s.write(ctx, append(hixie.AppendResponse(nil, &response), text+"\n"...)) == nil {
		// As in Conn.endAfterReply: unread bytes would reset the connection.
		if half, ok := s.stream.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
			drain(s.stream, s.CloseTimeout)
		}
	}
	return he
}

// io turns an error at a step into a *HandshakeError; nil stays nil.
func (s *serverHandshake) io(step string, err error) error {
	if err == nil {
		return nil
	}
	he := &HandshakeError{Dialect: s.dialect, Step: step, Err: err, Fields: s.request.Fields}
	var check *hixie.CheckError
	if errors.As(err, &check) {
		he.Step, he.Field, he.Got, he.Want = check.Step, check.Field, check.Got, check.Want
	}
	return he
}
