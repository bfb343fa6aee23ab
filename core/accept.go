package core

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/internal/deadline"
)

// DefaultHandshakeTimeout bounds the opening handshake of a server, and the wait
// for key3 within it, where an option says nothing.
const DefaultHandshakeTimeout = 10 * time.Second

// AcceptOptions say how a server opens its side. A nil pointer and the zero value of every field are fine.
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
	// Agree is asked once a request is found good, just before it is answered. It may refuse, and may change Protocols,
	// Header, MaxMessage and Trace in o, which is this connection's own. nil accepts all.
	Agree func(h *Handshake, o *AcceptOptions) *Refusal
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
	// MessageTimeout bounds the time that a message may take to arrive, from its first
	// byte to its last, and WriteTimeout the time for which a peer may take nothing of
	// what is sent to it. 0: DefaultMessageTimeout, DefaultWriteTimeout; below 0: no bound.
	MessageTimeout, WriteTimeout time.Duration
	// Pending bounds what unfinished messages take, over all connections that are given
	// the same one; nil: they are bounded for each connection only.
	Pending *Budget
	// FlashPolicy is the policy file for Flash players that ask for it on this
	// port, before they connect. "" refuses them.
	FlashPolicy string
	// Early are bytes that were taken off the stream already. They are the caller's again once Accept returns.
	Early []byte
	Trace *Trace
}

// Refusal is an answer to a request that is not to become a connection.
type Refusal struct {
	Status int    // 403
	Reason string // "Forbidden"
	Text   string // the body, one line
	Fields hixie.Fields
}

// Accept reads the opening request from a stream, picks the dialect by what it says and answers it. Bytes that come
// early are kept for the connection. ctx and HandshakeTimeout bound it.
//
// A *NotWebSocketError leaves the stream open and unanswered. On any other error the stream is closed, after an HTTP
// refusal where the head was read: a *HandshakeError, or ctx's cause.
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
	s.buf = append(s.buf, s.Early...)
	s.Handshake.opts = &s.AcceptOptions
	ctx, cancel := context.WithTimeoutCause(ctx, s.HandshakeTimeout, handshakeTimeout(s.HandshakeTimeout))
	defer cancel()
	conn, err := s.run(ctx)
	s.done()
	var plain *NotWebSocketError
	if err != nil && !errors.As(err, &plain) {
		stream.Close()
		err = explainHandshake(stream, err)
	}
	return conn, err
}

func handshakeTimeout(after time.Duration) error {
	return fmt.Errorf("no handshake within %v: %w", after, context.DeadlineExceeded)
}

// serverHandshake is a Handshake on a stream.
type serverHandshake struct {
	AcceptOptions
	Handshake
	exchange
}

func (s *serverHandshake) run(ctx context.Context) (*Conn, error) {
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	if s.Agree != nil {
		s.watch = func() (context.Context, func()) {
			watching, stop := WatchHangup(ctx, s.stream)
			return watching, func() { s.buf = append(s.buf, stop()...) }
		}
		if r := s.Agree(&s.Handshake, &s.AcceptOptions); r != nil {
			return nil, s.turnDown(ctx, s.Refuse(r))
		}
		s.MaxMessage, _ = limits(s.MaxMessage, 0)
	}
	out, err := s.AppendResponse(nil, s.Protocols, s.Header)
	if err != nil {
		return nil, s.turnDown(ctx, err)
	}
	if s.Challenged() {
		if out, err = s.answer(ctx, out); err != nil {
			return nil, err
		}
	}
	if err := s.write(ctx, out); err != nil {
		return nil, s.fail("answering", err)
	}
	return newConn(s.stream, connConfig{
		dialect: s.Dialect, protocol: s.Protocol, request: s.Request,
		maxMessage: s.MaxMessage, closeTimeout: s.CloseTimeout, trace: s.Trace,
		pending:        s.Pending,
		messageTimeout: max(cmp.Or(s.MessageTimeout, DefaultMessageTimeout), 0),
		writeTimeout:   max(cmp.Or(s.WriteTimeout, DefaultWriteTimeout), 0),
		compressed:     s.Compressed, early: s.buf,
	}), nil
}

// WatchHangup watches for the end of a stream that nobody reads meanwhile: the context ends with it. stop, which is to
// be called, returns what has come, and leaves the stream without a bound for reading.
func WatchHangup(ctx context.Context, stream net.Conn) (watching context.Context, stop func() (early []byte)) {
	watching, cancel := context.WithCancelCause(ctx)
	early := make([]byte, 4<<10) // whoever says more has to wait
	n := 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n < len(early) {
			k, err := stream.Read(early[n:])
			if n += k; err != nil {
				cancel(fmt.Errorf("the client has gone: %w", err))
				return
			}
		}
	}()
	return watching, func() []byte {
		stream.SetReadDeadline(deadline.Past)
		<-done
		stream.SetReadDeadline(time.Time{})
		cancel(nil)
		return early[:n]
	}
}

// read reads the request, and takes it off buf.
func (s *serverHandshake) read(ctx context.Context) error {
	for {
		n, err := 0, ErrIncomplete
		if len(s.buf) > 0 {
			n, err = s.Read(s.buf)
		}
		switch plain := (*NotWebSocketError)(nil); {
		case err == nil:
			s.buf = s.buf[n:]
			return nil
		case errors.As(err, &plain):
			return err
		case err != ErrIncomplete:
			return s.turnDown(ctx, err)
		}
		if err := s.more(ctx); err != nil {
			if ctx.Err() != nil && len(s.buf) > 0 {
				return s.turnDown(ctx, s.refuse("request head", tooSlowly, cutHead(len(s.buf), err)))
			}
			return s.Lost(len(s.buf), err)
		}
	}
}

// answer appends the answer to the challenge to out, which goes ahead where key3 is not there yet.
func (s *serverHandshake) answer(ctx context.Context, out []byte) ([]byte, error) {
	if len(s.buf) < Key3Len {
		if err := s.write(ctx, out); err != nil {
			return nil, s.fail("answering", err)
		}
		out = nil
	}
	key3, err := s.bytes(ctx, Key3Len)
	if err != nil {
		return nil, s.fail(stepKey3, err)
	}
	return s.AppendAnswer(out, [Key3Len]byte(key3))
}

// turnDown answers what the Handshake has to say to its error, then closes.
func (s *serverHandshake) turnDown(ctx context.Context, err error) error {
	// Time may be up already; a refusal gets a moment of its own.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.CloseTimeout)
	defer cancel()
	if s.write(ctx, s.AppendRefusal(nil)) == nil {
		// As in Conn.endAfterReply: unread bytes would reset the connection.
		if deadline.CloseWrite(s.stream) {
			drain(s.stream, s.CloseTimeout)
		}
	}
	return err
}

// OriginOf returns the origin of a request, "" for none. RFC 6455's older drafts call the field Sec-WebSocket-Origin.
func OriginOf(fields hixie.Fields) string {
	for _, name := range []string{"Origin", "Sec-WebSocket-Origin"} {
		if origin, ok := fields.Get(name); ok {
			return origin
		}
	}
	return ""
}
