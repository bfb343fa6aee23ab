package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/serve/gate"
)

// plainHTTP answers streams that ask for no WebSocket, by an ordinary http.Server whose listener is fed by hand.
type plainHTTP struct {
	server  *http.Server
	owner   *Server
	addr    net.Addr
	streams chan net.Conn
	stopped chan struct{}
	once    sync.Once
	done    sync.WaitGroup
	asked   sync.WaitGroup // requests that are being answered
	turns   turns
}

// keptAlive is how long a client may leave a connection idle between two requests.
const keptAlive = time.Minute

// startHTTP starts it. Who waits for the gate when ctx ends waits no more.
func (s *Server) startHTTP(ctx context.Context, addr net.Addr) *plainHTTP {
	handler := s.HTTP
	if handler == nil {
		handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Upgrade", "websocket")
			http.Error(w, "This is a WebSocket server; the request asks for no upgrade.", http.StatusUpgradeRequired)
		})
	}
	p := &plainHTTP{owner: s, addr: addr, streams: make(chan net.Conn), stopped: make(chan struct{})}
	p.turns.free = runtime.GOMAXPROCS(0)
	p.server = &http.Server{
		Handler:           p.counted(bodies(s.admitted(ctx, handler))),
		ReadHeaderTimeout: s.handshakeTimeout(),
		ReadTimeout:       s.handshakeTimeout(),
		IdleTimeout:       keptAlive,
		// OPTIONS * is for the gate, too.
		DisableGeneralOptionsHandler: true,
		ConnState: func(c net.Conn, state http.ConnState) {
			if h := c.(*httpStream); state == http.StateIdle {
				h.giveTurn()
				h.between, h.head = true, hixie.Request{}
			}
		},
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, streamKey{}, c)
		},
	}
	p.done.Go(func() { p.server.Serve(p) })
	return p
}

// counted has stop wait for h, which the http.Server does not.
func (p *plainHTTP) counted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		defer p.asked.Done()
		h.ServeHTTP(w, r)
	})
}

// bodies bounds the time that the body of a request may take: as long as its head. A
// handler that has let a client in may allow more, by SetReadDeadline of an
// http.ResponseController. A request without one may be answered for ever, by a stream.
func bodies(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == http.NoBody {
			http.NewResponseController(w).SetReadDeadline(time.Time{})
		}
		if len(r.TransferEncoding) > 0 {
			w.Header().Set("Connection", "close") // see httpStream.left
		}
		h.ServeHTTP(w, r)
	})
}

// admitted asks the gate. Who is not let in keeps no connection, and one that is ends with its grant.
func (s *Server) admitted(ctx context.Context, h http.Handler) http.Handler {
	if s.Gate == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stream := r.Context().Value(streamKey{}).(*httpStream)
		_, secure := stream.Conn.(*tls.Conn)
		grant, refusal := s.Gate.Admit(&gate.Request{Head: &stream.head, Secure: secure,
			Transport: stream.LocalAddr().Network(), Peer: stream, Waiting: waiting{r, ctx}})
		if refusal != nil {
			s.refused(stream.RemoteAddr(), &core.HandshakeError{Step: "request", Status: refusal.Status,
				Err: errors.New(refusal.Text), Fields: stream.head.Fields})
			for _, f := range refusal.Fields {
				w.Header().Set(f.Name, f.Value)
			}
			w.Header().Set("Connection", "close")
			http.Error(w, refusal.Text, refusal.Status)
			return
		}
		if grant != nil {
			defer context.AfterFunc(grant.Context(), func() { stream.Conn.Close() })()
		}
		h.ServeHTTP(w, r)
	})
}

// waiting is for who has to wait before a request is answered.
type waiting struct {
	r    *http.Request
	open context.Context // ends when the server is to stop
}

func (w waiting) Context() (ctx context.Context, stop func()) {
	watching, unwatch := Watch(w.r)
	ctx, cancel := context.WithCancelCause(watching)
	unhook := context.AfterFunc(w.open, func() { cancel(errors.New("the server stops")) })
	return ctx, func() {
		unhook()
		cancel(nil)
		unwatch()
	}
}

type streamKey struct{}

// Watch is for a handler of Server.HTTP that has to wait before it reads the body of a
// request: the context ends when the client hangs up. Call stop before the body is read.
func Watch(r *http.Request) (ctx context.Context, stop func()) {
	h, ok := r.Context().Value(streamKey{}).(*httpStream)
	if ok {
		h.giveTurn()
	}
	if !ok || r.Body == http.NoBody { // then the http.Server does that
		return r.Context(), func() {}
	}
	ctx, early := core.WatchHangup(r.Context(), h.Conn)
	return ctx, func() {
		h.buf = append(h.buf, early()...)
		h.Conn.SetReadDeadline(time.Now().Add(h.server.handshakeTimeout()))
	}
}

// Cut ends the connection of a request of Server.HTTP at once, whoever reads or writes there.
func Cut(r *http.Request) {
	if h, ok := r.Context().Value(streamKey{}).(*httpStream); ok {
		h.Conn.Close()
	}
}

// serve hands a stream over, of which head, a whole one with what came behind it, has been read. It returns when the
// stream is closed, then without a rest, or when what was read next is no plain request: with that.
func (p *plainHTTP) serve(stream net.Conn, head []byte) (rest []byte) {
	h := &httpStream{Conn: stream, server: p.owner, turns: &p.turns, buf: head, between: true, closed: make(chan struct{})}
	h.turnOver = time.AfterFunc(longTurn, h.giveTurn)
	select {
	case p.streams <- h:
		<-h.closed
	case <-p.stopped:
		stream.Close()
	}
	if h.taken.Load() {
		return h.buf
	}
	return nil
}

// httpStream is a stream that the http.Server reads requests from, as many as come
// one after the other. Each head is read here first, by the rules for every head; one
// that asks for a WebSocket, or is no request, ends the http.Server's part.
type httpStream struct {
	net.Conn
	server *Server
	turns  *turns

	turn     atomic.Bool // it has one
	turnOver *time.Timer // takes it away from who waits for something else
	asked    bool        // a request was

	// Of the goroutine that serves the stream, or, while that answers, of the one that
	// watches for its end; never of both.
	between bool          // a head comes next
	head    hixie.Request // of the request under way
	buf     []byte        // read and not handed over
	left    int64         // of the request under way: bytes to be handed over; -1: all, nothing comes behind it
	early   int           // bytes at the start of buf that were handed over to who watches for the end

	taken  atomic.Bool // it is the http.Server's no more
	once   sync.Once
	closed chan struct{} // the http.Server is done
}

// Read hands over what belongs to the request under way, and of the next one a byte at
// most: the http.Server looks for that while it answers.
func (h *httpStream) Read(p []byte) (n int, err error) {
	if h.between {
		if err := h.nextHead(); err != nil {
			return 0, err
		}
	}
	switch {
	case len(p) == 0:
	case h.left == 0:
		if h.early == len(h.buf) {
			var b [1]byte
			if n, err = h.Conn.Read(b[:]); n == 0 {
				return 0, err
			}
			h.buf = append(h.buf, b[0])
		}
		p[0] = h.buf[h.early]
		h.early++
		return 1, nil
	default:
		if h.left > 0 {
			p = p[:min(int64(len(p)), h.left)]
		}
		if n = copy(p, h.buf); n > 0 {
			if h.buf = h.buf[n:]; len(h.buf) == 0 {
				h.buf = nil
			}
		} else {
			h.giveTurn()
			n, err = h.Conn.Read(p)
		}
		if h.left > 0 {
			h.left -= int64(n)
		}
	}
	return n, err
}

// nextHead reads up to the end of the next head, which has its time from its first byte
// on; until that comes it is the http.Server's IdleTimeout that counts.
func (h *httpStream) nextHead() error {
	h.between = false
	if h.left != 0 || h.early > 1 {
		return io.EOF // it sees the end of the request elsewhere: what follows may be anything
	}
	bounded := false
	for {
		if len(h.buf) > 0 {
			if !bounded {
				bounded = true
				h.Conn.SetReadDeadline(time.Now().Add(h.server.handshakeTimeout()))
			}
			request, n, err := hixie.ParseRequest(h.buf)
			if err == nil && !core.AsksForWebSocket(&request) {
				h.left = int64(n)
				if body := bodyLength(request.Fields); body < 0 {
					h.left = -1
				} else {
					h.left += body - int64(h.early)
				}
				h.buf, h.early = h.buf[h.early:], 0
				h.head = request
				h.takeTurn()
				return nil
			}
			if err != hixie.ErrIncomplete {
				h.taken.Store(true)
				return io.EOF
			}
		}
		b := make([]byte, 4<<10)
		n, err := h.Conn.Read(b)
		if n == 0 {
			return err
		}
		h.buf = append(h.buf, b[:n]...)
	}
}

// longTurn is how long a request may keep its turn: that long it is taken for work.
const longTurn = 10 * time.Millisecond

// takeTurn waits until it is the turn of a request, which is over when its answer begins.
func (h *httpStream) takeTurn() {
	h.turns.take(!h.asked)
	h.asked = true
	h.turn.Store(true)
	h.turnOver.Reset(longTurn)
}

func (h *httpStream) giveTurn() {
	if h.turn.CompareAndSwap(true, false) {
		h.turnOver.Stop()
		h.turns.give()
	}
}

// bodyLength is how many bytes follow a head, -1 where only the http.Server knows.
func bodyLength(f hixie.Fields) int64 {
	values := f.Values("Content-Length")
	switch {
	case f.Count("Transfer-Encoding") > 0 || len(values) > 1:
		return -1
	case len(values) == 0:
		return 0
	}
	n, err := strconv.ParseUint(strings.Trim(values[0], " \t"), 10, 62)
	if err != nil {
		return -1
	}
	return int64(n)
}

// writePiece is how much of an answer must be taken within the bound for writing: a
// client that takes less is not there to read it.
const writePiece = 64 << 10

// Write bounds what a client that does not read can hold up, whoever answers it.
func (h *httpStream) Write(p []byte) (n int, err error) {
	if h.taken.Load() {
		return len(p), nil // what the http.Server says to its end is nobody's business
	}
	h.giveTurn()
	bound := h.server.writeTimeout()
	for n < len(p) && err == nil {
		if bound > 0 {
			h.Conn.SetWriteDeadline(time.Now().Add(bound))
		}
		var k int
		k, err = h.Conn.Write(p[n:min(n+writePiece, len(p))])
		n += k
	}
	return n, err
}

// SetWriteDeadline does nothing: Write sets one.
func (h *httpStream) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline sets that of Read.
func (h *httpStream) SetDeadline(t time.Time) error { return h.Conn.SetReadDeadline(t) }

// CloseWrite shuts the sending side, where the stream can.
func (h *httpStream) CloseWrite() error {
	if half, ok := h.Conn.(interface{ CloseWrite() error }); ok && !h.taken.Load() {
		return half.CloseWrite()
	}
	return nil
}

// Close says that the http.Server is done.
func (h *httpStream) Close() (err error) {
	h.giveTurn()
	if !h.taken.Load() {
		err = h.Conn.Close()
	}
	h.once.Do(func() { close(h.closed) })
	return err
}

// Accept is net.Listener's.
func (p *plainHTTP) Accept() (net.Conn, error) {
	select {
	case stream := <-p.streams:
		return stream, nil
	case <-p.stopped:
		return nil, net.ErrClosed
	}
}

// Close is net.Listener's.
func (p *plainHTTP) Close() error {
	p.once.Do(func() { close(p.stopped) })
	return nil
}

// Addr is net.Listener's.
func (p *plainHTTP) Addr() net.Addr { return p.addr }

// shutdown waits for requests under way until ctx ends.
func (p *plainHTTP) shutdown(ctx context.Context) { p.server.Shutdown(ctx) }

// stop ends what is left.
func (p *plainHTTP) stop() {
	p.server.Close()
	p.done.Wait()
	p.asked.Wait()
}
