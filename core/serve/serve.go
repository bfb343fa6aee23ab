// Package serve is the listening side: one port on which every dialect, plain
// HTTP and, with a certificate, TLS are told apart by their first bytes. It knows
// connections, not what is said on them: that is the Handler's business.
package serve

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/ws76/ws76/core"
)

// DefaultGrace is how long a stopping Server waits for its connections to close.
const DefaultGrace = 5 * time.Second

// Server serves WebSocket connections. Set its fields before Serve; they are
// read only afterwards.
type Server struct {
	// Handler is called once for each open connection, in a goroutine of its own,
	// and serves it until it returns; the connection is closed then. Its error,
	// usually the *core.CloseError of Receive, goes to Closed. ctx ends when the
	// server gives up waiting.
	Handler func(ctx context.Context, conn *core.Conn) error
	// HTTP answers requests that ask for no WebSocket. nil says 426.
	HTTP http.Handler
	// Accept is how connections are opened; Secure is set by the server.
	Accept core.AcceptOptions
	// TLS, if set, is spoken with whoever begins with a TLS record, on the same port.
	TLS *tls.Config
	// MaxConns bounds the connections of all kinds; further ones get a 503. 0: no bound.
	MaxConns int
	// Idle closes a connection over which nothing has passed for so long. 0: never.
	Idle time.Duration
	// Grace bounds how long a stopping server waits. 0: DefaultGrace.
	Grace time.Duration

	// Opened, Closed and Refused tell what happens; each may be nil. They are
	// called from the connections' goroutines.
	Opened  func(*core.Conn)
	Closed  func(*core.Conn, error)
	Refused func(remote net.Addr, err error)

	mu    sync.Mutex
	conns map[*core.Conn]bool // open WebSocket connections
	count int                 // connections of all kinds
	wg    sync.WaitGroup
}

// Serve accepts connections on the listeners until ctx ends or one of them fails,
// then stops gracefully: nothing new is taken, each connection is closed properly,
// and after Grace what is left is cut. Serve closes the listeners and returns what
// failed, nil after a stop by ctx. Call it once.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) error {
	// What handlers get outlives ctx by the grace.
	work, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	plain := s.startHTTP(listeners[0].Addr())

	errs := make([]error, len(listeners))
	var accepting sync.WaitGroup
	for i, l := range listeners {
		context.AfterFunc(ctx, func() { l.Close() })
		accepting.Go(func() {
			errs[i] = s.acceptLoop(ctx, work, l, plain)
			stop()
		})
	}
	accepting.Wait()

	grace := s.Grace
	if grace == 0 {
		grace = DefaultGrace
	}
	timer := time.AfterFunc(grace, func() {
		cut(fmt.Errorf("the server stopped, and the connection did not close within %v", grace))
	})
	defer timer.Stop()
	s.closeAll(work)
	plain.shutdown(work)
	plain.stop()
	s.wg.Wait()
	return errors.Join(errs...)
}

func (s *Server) acceptLoop(ctx, work context.Context, l net.Listener, plain *plainHTTP) error {
	pause := time.Duration(0)
	for {
		stream, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				stream.Close()
			}
			return nil
		}
		if err != nil {
			if !temporary(err) {
				return fmt.Errorf("listening on %s: %w", l.Addr(), err)
			}
			// Out of files, most likely: wait for some to be closed.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.refused(l.Addr(), fmt.Errorf("accepting: %w; trying again in %v", err, pause))
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			continue
		}
		pause = 0
		if !s.admit() {
			s.refused(stream.RemoteAddr(), fmt.Errorf("%d connections are open already", s.MaxConns))
			s.wg.Go(func() { turnAway(stream) })
			continue
		}
		s.wg.Go(func() {
			defer s.leave()
			s.serveStream(ctx, work, stream, plain)
		})
	}
}

func temporary(err error) bool {
	var ne interface{ Temporary() bool }
	return errors.As(err, &ne) && ne.Temporary()
}

func (s *Server) admit() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.MaxConns > 0 && s.count >= s.MaxConns {
		return false
	}
	s.count++
	return true
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count--
}

func (s *Server) refused(remote net.Addr, err error) {
	if s.Refused != nil {
		s.Refused(remote, err)
	}
}

// turnAway answers a connection that is one too many, whatever it would have asked.
func turnAway(stream net.Conn) {
	defer stream.Close()
	stream.SetDeadline(time.Now().Add(time.Second))
	stream.Write([]byte("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"))
	// Closing with its request unread would reset the connection and could destroy
	// the answer on its way.
	if half, ok := stream.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		io.CopyN(io.Discard, stream, 16<<10)
	}
}

// serveStream takes one stream from its first byte to its last. ctx ends when the
// server stops, work when it gives up.
func (s *Server) serveStream(ctx, work context.Context, stream net.Conn, plain *plainHTTP) {
	// Whatever is being waited for by then, it ends.
	bare := stream
	defer context.AfterFunc(work, func() { bare.Close() })()
	options := s.Accept
	if s.TLS != nil {
		secure, err := s.detectTLS(ctx, stream)
		if err != nil {
			stream.Close()
			s.notOpened(ctx, stream, err)
			return
		}
		_, options.Secure = secure.(*tls.Conn)
		stream = secure
	}
	conn, err := core.Accept(ctx, stream, &options)
	if err != nil {
		var request *core.NotWebSocketError
		if errors.As(err, &request) {
			plain.serve(&readAhead{Conn: stream, ahead: request.Read})
			return
		}
		s.notOpened(ctx, stream, err)
		return
	}
	s.serveConn(ctx, work, conn)
}

// notOpened reports a handshake that failed, unless it is the server's stop that ended it.
func (s *Server) notOpened(ctx context.Context, stream net.Conn, err error) {
	if ctx.Err() == nil {
		s.refused(stream.RemoteAddr(), err)
	}
}

func (s *Server) serveConn(ctx, work context.Context, conn *core.Conn) {
	s.track(conn)
	defer s.forget(conn)
	if s.Opened != nil {
		s.Opened(conn)
	}
	if s.Idle > 0 {
		defer closeWhenIdle(work, conn, s.Idle)()
	}
	if ctx.Err() != nil { // closeAll may have missed it
		conn.CloseWith(work, codeGoingAway, "")
	}
	err := s.Handler(work, conn)
	conn.Close(work)
	if s.Closed != nil {
		s.Closed(conn, err)
	}
}

const codeGoingAway = 1001 // RFC 6455, section 7.4.1

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

// closeAll starts the closing handshake of every connection. Their handlers see
// the answers.
func (s *Server) closeAll(work context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		s.wg.Go(func() { conn.CloseWith(work, codeGoingAway, "") })
	}
}

// closeWhenIdle closes conn once nothing has passed over it for idle. The
// returned function ends the watch and waits for a closing under way.
func closeWhenIdle(ctx context.Context, conn *core.Conn, idle time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(idle)
		defer ticker.Stop()
		last := conn.Stats()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			now := conn.Stats()
			if now.BytesIn == last.BytesIn && now.BytesOut == last.BytesOut {
				conn.CloseWith(ctx, codeGoingAway, "idle")
				return
			}
			last = now
		}
	}()
	return func() { cancel(); <-done }
}

// Echo is a Handler that sends every message back. What one read brought is
// answered in one write.
func Echo(ctx context.Context, conn *core.Conn) error {
	return core.Copy(ctx, conn, conn)
}

// readAhead is a stream of which some bytes have been read already.
type readAhead struct {
	net.Conn
	ahead []byte
}

func (r *readAhead) Read(p []byte) (int, error) {
	if len(r.ahead) > 0 {
		n := copy(p, r.ahead)
		r.ahead = r.ahead[n:]
		return n, nil
	}
	return r.Conn.Read(p)
}

// CloseWrite shuts the sending side, where the stream can.
func (r *readAhead) CloseWrite() error {
	if half, ok := r.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// recordHandshake is the first byte of a TLS connection (RFC 8446, section 5.1).
const recordHandshake = 0x16

// detectTLS looks at the first byte and does the TLS handshake where there is one.
func (s *Server) detectTLS(ctx context.Context, stream net.Conn) (net.Conn, error) {
	timeout := s.Accept.HandshakeTimeout
	if timeout == 0 {
		timeout = core.DefaultHandshakeTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	defer context.AfterFunc(ctx, func() { stream.SetReadDeadline(time.Unix(1, 0)) })()
	first := make([]byte, 1)
	if _, err := stream.Read(first); err != nil {
		return nil, fmt.Errorf("waiting for the first byte: %w", err)
	}
	ahead := &readAhead{Conn: stream, ahead: bytes.Clone(first)}
	if first[0] != recordHandshake {
		return ahead, nil
	}
	secure := tls.Server(ahead, s.TLS)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return secure, nil
}
