// Package serve is the listening side: one port on which every dialect, plain HTTP and, with a certificate, TLS are
// told apart by their first bytes. It knows connections, not what is said on them: that is the Handler's business.
package serve

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/rfc6455"
	"github.com/ws76/ws76/core/serve/gate"
	"github.com/ws76/ws76/internal/accept"
	"github.com/ws76/ws76/internal/ahead"
	"github.com/ws76/ws76/internal/deadline"
	"github.com/ws76/ws76/internal/silence"
	"github.com/ws76/ws76/internal/tcplimit"
)

// DefaultGrace is how long a stopping Server waits for its connections to close.
const DefaultGrace = 5 * time.Second

// Server serves WebSocket connections. Set its fields before Serve; they are read only afterwards.
//
// A connection that is served by Events costs a few hundred bytes while it is idle, on Linux, over plain TCP and unix
// sockets: event loops serve it. Elsewhere, and where it is served by a Handler, it has a goroutine.
type Server struct {
	// Route says how a connection is served, or refuses it, before its request is answered. It is called from event
	// loops and must not block. With nil all connections are served by Events or, where that is nil too, by Handler.
	Route  func(*Opening) (Service, *core.Refusal)
	Events Events
	// Gate is asked first about every request, of Route and of HTTP alike; nil lets all
	// in. When the grant that it gives ends, the connection does.
	Gate *gate.Gate
	// Handler is called once for each open connection, in a goroutine of its own, and serves it until it returns; the
	// connection is closed then. Its error, usually the *core.CloseError of Receive, goes to Closed. ctx ends when the
	// server gives up waiting.
	Handler func(ctx context.Context, conn *core.Conn) error
	// Settings hold where a Service has none.
	Settings Settings
	// HTTP answers requests that ask for no WebSocket. nil says 426.
	HTTP http.Handler
	// Quick answers those of them, GET and HEAD without a body, that are not to wait for the
	// others, such as for health; a status of 0 leaves them to HTTP, and so does nil. It is
	// called from event loops and must not block. fields are not kept.
	Quick func(*hixie.Request) (status int, fields hixie.Fields, body string)
	// Accept is how connections are opened; Secure is set by the server.
	Accept core.AcceptOptions
	// TLS, if set, is spoken with whoever begins with a TLS record, on the same port.
	TLS *tls.Config
	// MaxConns bounds the connections of all kinds; further ones get a 503. 0: no bound.
	MaxConns int
	// Idle closes a connection over which nothing has passed for so long, in either
	// direction, and on which nothing waits to be read. 0: never.
	Idle time.Duration
	// DeadAfter is how long a TCP peer may acknowledge nothing of what is sent to it before its connection ends, and
	// about how long a quiet one may be gone, where there are keep-alive probes. 0: a minute; below 0: that is left to
	// the system. A peer that is alive and does not read is not meant, see Accept.WriteTimeout.
	DeadAfter time.Duration
	// Grace bounds how long a stopping server takes: what is left is cut when that is over, or sooner
	// where there is very much to be cut. 0: DefaultGrace.
	Grace time.Duration
	// Loops is how many event loops there are. 0 is half of the processors, at least one: with fewer processors more
	// loops cost more than they bring. Below 0 there are none. Tracing heads or frames needs goroutines, too, and so
	// does a Gate that may have to wait.
	Loops int

	// LongEvents says that Route or Events may take long for once, as scripts do. New connections then never wait for
	// those of others: a loop of its own accepts, and reads what connections begin with; what asks for a WebSocket
	// while the loop that is to serve it is held up gets a goroutine.
	LongEvents bool

	// Closed tells of connections that a Handler serves, Refused of what became no connection; each may be nil. They are called from the goroutines of connections and loops, and must not block.
	Closed  func(*core.Conn, error)
	Refused func(remote net.Addr, err error)

	mu    sync.Mutex
	conns map[*core.Conn]bool // open WebSocket connections of Handlers
	peers map[*Peer]bool      // of Events, with a goroutine
	loops []interface{ all(func(*Peer) bool) bool }
	taken atomic.Int64 // connections of all kinds
	// turned are those that were one too many and linger, of goroutines.
	turned atomic.Int64
	spare  atomic.Int64 // memory that loops keep for large messages
	ids    atomic.Uint64
	count  counters
	wg     sync.WaitGroup
	watch  *tcplimit.Watch // of what goroutines serve
	// codecs encode for every connection.
	codecs [kinds]*core.Codec
}

// serving is what serves streams between the start and the end of Serve.
type serving struct {
	ctx   context.Context // ends when the server stops
	work  context.Context // ends when it gives up waiting
	plain *plainHTTP
}

// Serve accepts connections on the listeners until ctx ends or one of them fails, then stops gracefully: nothing new is
// taken, each connection is closed properly once what waits for it has been sent, and after Grace what is left is cut.
// Serve closes the listeners and returns what failed, nil after a stop by ctx. Call it once.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) error {
	// What handlers get outlives ctx by the grace.
	work, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	serving := serving{ctx, work, s.startHTTP(ctx, listeners[0].Addr())}
	s.watch = tcplimit.New(s.DeadAfter)
	for k := range kinds {
		s.codecs[k] = k.newCodec(s.Accept.Trace)
	}

	var errs []error
	var failing sync.Mutex
	failed := func(err error) {
		failing.Lock()
		defer failing.Unlock()
		errs = append(errs, err)
		stop(err)
	}
	waitLoops, rest := s.startLoops(serving, listeners, failed)
	for _, l := range listeners {
		context.AfterFunc(ctx, func() { l.Close() })
	}
	var accepting sync.WaitGroup
	for _, l := range rest {
		accepting.Go(func() {
			if err := s.acceptLoop(serving, s.watch.Listen(l, 0)); err != nil {
				failed(err)
			}
		})
	}
	<-ctx.Done()
	accepting.Wait()

	grace := cmp.Or(s.Grace, DefaultGrace)
	timer := time.AfterFunc(cutAfter(grace, s.taken.Load()), func() {
		cut(fmt.Errorf("the server stopped, and the connection did not close within %v", grace))
	})
	defer timer.Stop()
	s.closeAll(work)
	waitLoops(work)
	serving.plain.shutdown(work)
	serving.plain.stop()
	s.wg.Wait()
	for _, l := range listeners {
		// It has been closed by now, or is about to be: what it says of that.
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, fmt.Errorf("listening on %s: %w", l.Addr(), err))
		}
	}
	return errors.Join(errs...)
}

// cutAfter is when what is left is cut where conns connections are open: to cut very many takes
// time, which is of the grace, and so is what a busy machine needs for a few.
func cutAfter(grace time.Duration, conns int64) time.Duration {
	return grace - min(grace/4, grace/20+time.Duration(conns)*cutTime)
}

const cutTime = 100 * time.Microsecond

func (s *Server) acceptLoop(serving serving, l net.Listener) error {
	return accept.Each(serving.ctx, l, func(err error) { s.refused(l.Addr(), err) }, func(stream net.Conn) {
		if s.admit() {
			s.wg.Go(func() { s.serveStream(serving, stream, nil, nil, false) })
			return
		}
		s.refused(stream.RemoteAddr(), s.tooMany())
		if s.turned.Add(1) > maxTurned {
			s.turned.Add(-1)
			stream.Close()
			return
		}
		s.wg.Go(func() {
			defer s.turned.Add(-1)
			turnAway(stream)
		})
	})
}

// maxTurned bounds the connections that were one too many and are told so at the
// same time, of each loop and of all goroutines.
const maxTurned = 1024

func (s *Server) admit() bool {
	if n := s.taken.Add(1); s.MaxConns > 0 && n > int64(s.MaxConns) {
		s.taken.Add(-1)
		return false
	}
	return true
}

func (s *Server) leave() { s.taken.Add(-1) }

func (s *Server) tooMany() error {
	return &core.HandshakeError{Step: "accepting", Status: http.StatusServiceUnavailable,
		Err: fmt.Errorf("%d connections are open already", s.MaxConns)}
}

func (s *Server) refused(remote net.Addr, err error) {
	if s.Refused != nil {
		s.Refused(remote, err)
	}
}

const overloaded = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

// turnAway answers a connection that is one too many, whatever it would have asked.
func turnAway(stream net.Conn) {
	stream.SetDeadline(time.Now().Add(time.Second))
	io.WriteString(stream, overloaded)
	lastWords(stream)
}

// lastWords closes a stream on which all has been said. Closing with something unread would
// reset the connection and could destroy the answer on its way.
func lastWords(stream net.Conn) {
	defer deadline.Close(stream)
	if deadline.CloseWrite(stream) {
		io.CopyN(io.Discard, stream, 16<<10)
	}
}

// serveStream takes one stream from its first byte, or from behind early, to its last, and calls leave then. service is
// how, where Route has been asked already; answered says that there was a request, and its answer.
func (s *Server) serveStream(serving serving, stream net.Conn, early []byte, service *Service, answered bool) {
	// Whatever is being waited for by then, it ends.
	bare := stream
	stop := context.AfterFunc(serving.work, func() { bare.Close() })
	over := func() { stop(); s.leave() }
	handed := false
	defer func() {
		if !handed {
			over()
		}
	}()
	options := s.Accept
	options.Early = early
	transport := stream.LocalAddr().Network()
	if s.TLS != nil && !answered {
		secure, first, err := s.detectTLS(serving.ctx, stream, early)
		if err != nil {
			s.notOpened(serving.ctx, stream, err)
			stream.Close()
			return
		}
		if options.Early = first; secure != nil {
			stream, transport, options.Secure = secure, "tls", true
		}
	}
	options.Agree = func(h *core.Handshake, o *core.AcceptOptions) (refusal *core.Refusal) {
		if service == nil {
			var asked Service
			asked, refusal = s.route(&Opening{Request: &h.Request, Dialect: h.Dialect, Secure: o.Secure,
				conn: stream, transport: transport, handshake: h})
			service = &asked
		}
		o.Protocols, o.Header = s.protocols(service.Settings), s.header(service.Header)
		o.MaxMessage = s.maxMessage(service.Settings)
		if service.Trace != nil {
			o.Trace = service.Trace
		}
		return refusal
	}
	var conn *core.Conn
	err := error(&core.NotWebSocketError{Read: early})
	if !answered {
		conn, err = core.Accept(serving.ctx, stream, &options)
	}
	var plain *core.NotWebSocketError
	for errors.As(err, &plain) {
		read := plain.Read
		if !answered {
			if read, answered = s.answerQuick(stream, plain, options.Secure); answered && read == nil {
				return
			}
		}
		// Proxies keep a connection, and may ask for a WebSocket behind something else.
		if options.Early = serving.plain.serve(stream, read); options.Early == nil {
			return
		}
		stream.SetDeadline(time.Time{})
		service = nil
		conn, err = core.Accept(serving.ctx, stream, &options)
	}
	if err != nil {
		if service != nil && service.Abandoned != nil {
			service.Abandoned(err)
		}
		s.notOpened(serving.ctx, stream, err)
		return
	}
	if service.Handler != nil {
		// On a stack of its own: the one of the handshake has grown.
		handed = true
		handler := service.Handler
		s.wg.Go(func() {
			defer over()
			if until := service.Until; until != nil {
				defer context.AfterFunc(until, func() { conn.CloseWith(serving.work, codeNotAllowed, context.Cause(until).Error()) })()
			}
			s.serveConn(serving, conn, handler)
		})
		return
	}
	s.serveEvents(serving, conn, service, transport)
}

// notOpened reports a handshake that failed, unless it is the server's stop that ended it.
func (s *Server) notOpened(ctx context.Context, stream net.Conn, err error) {
	if ctx.Err() == nil {
		s.refused(stream.RemoteAddr(), err)
	}
}

// route asks the gate and then Route, or answers in its place.
func (s *Server) route(o *Opening) (service Service, refusal *core.Refusal) {
	if s.Gate != nil {
		o.Grant, refusal = s.Gate.Admit(&gate.Request{Head: o.Request, Dialect: o.Dialect, Secure: o.Secure,
			Transport: o.transport, Peer: o.conn, Waiting: o.handshake})
		if refusal != nil {
			return Service{}, refusal
		}
	}
	switch {
	case s.Route != nil:
		service, refusal = s.Route(o)
	case s.Events != nil:
		service.Events = s.Events
	default:
		service.Handler = s.Handler
	}
	if o.Grant != nil && service.Until == nil {
		service.Until = o.Grant.Context()
	}
	return service, refusal
}

func (s *Server) serveConn(serving serving, conn *core.Conn, handler func(context.Context, *core.Conn) error) {
	s.track(conn)
	defer s.forget(conn)
	if s.Idle > 0 {
		defer closeWhenIdle(serving.work, conn, s.Idle)()
	}
	if serving.ctx.Err() != nil { // closeAll may have missed it
		conn.CloseWith(serving.work, codeGoingAway, "")
	}
	err := handler(serving.work, conn)
	conn.Close(serving.work)
	s.forget(conn)
	if s.Closed != nil {
		s.Closed(conn, err)
	}
}

const (
	// codeNotAllowed tells a client that is not let in any more.
	codeNotAllowed = rfc6455.CodePolicyViolation
	codeGoingAway  = rfc6455.CodeGoingAway
	codeNone       = rfc6455.CodeNoStatus
	codeAbnormal   = rfc6455.CodeAbnormal
)

func (s *Server) track(conn *core.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		s.conns = make(map[*core.Conn]bool)
	}
	s.conns[conn] = true
}

func (s *Server) forget(conn *core.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
}

// closeAll starts the closing handshake of every connection. Their handlers see the answers.
func (s *Server) closeAll(work context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		s.wg.Go(func() { conn.CloseWith(work, codeGoingAway, "") })
	}
	for p := range s.peers {
		p.Close(codeGoingAway, "")
	}
}

// closeWhenIdle closes conn once nothing has passed over it for idle, in either
// direction. The returned function ends the watch and waits for a closing under way.
func closeWhenIdle(ctx context.Context, conn *core.Conn, idle time.Duration) (stop func()) {
	passed := func() uint64 {
		s := conn.Stats()
		return s.BytesIn + s.BytesOut
	}
	ctx, cancel := context.WithCancel(ctx)
	w := silence.New(idle, passed, conn.Unread, func() { conn.CloseWith(ctx, codeGoingAway, "idle") })
	return func() { cancel(); w.Stop() }
}

// recordHandshake is the first byte of a TLS connection (RFC 8446, section 5.1).
const recordHandshake = 0x16

// detectTLS looks at the first byte, and does the TLS handshake if it is TLS's.
// Otherwise it returns no stream but what it has read, or was given.
func (s *Server) detectTLS(ctx context.Context, stream net.Conn, early []byte) (*tls.Conn, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, s.handshakeTimeout())
	defer cancel()
	defer deadline.Interrupt(ctx, stream.SetReadDeadline)()
	if len(early) == 0 {
		early = make([]byte, 1)
		if _, err := stream.Read(early); err != nil {
			return nil, nil, fmt.Errorf("waiting for the first byte: %w", err)
		}
	}
	if early[0] != recordHandshake {
		return nil, early, nil
	}
	secure := tls.Server(&ahead.Conn{Conn: stream, Bytes: early}, s.TLS)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, nil, &core.HandshakeError{Step: core.StepTLS, Err: err, Hint: tlsHint(err)}
	}
	return secure, nil, nil
}

// tlsHint says what may help; package crypto/tls has no types for these errors.
func tlsHint(err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, "unsupported versions"):
		return "an old device may need a lower minimum version"
	case strings.Contains(text, "no cipher suite supported"):
		return "an old device may need a minimum version below 1.2, which allows the old ciphers"
	}
	return ""
}
