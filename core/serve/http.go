package serve

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// plainHTTP answers streams that ask for no WebSocket, by an ordinary http.Server
// whose listener is fed by hand.
type plainHTTP struct {
	server  *http.Server
	addr    net.Addr
	streams chan net.Conn
	stopped chan struct{}
	once    sync.Once
	done    sync.WaitGroup
}

func (s *Server) startHTTP(addr net.Addr) *plainHTTP {
	handler := s.HTTP
	if handler == nil {
		handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Upgrade", "websocket")
			http.Error(w, "This is a WebSocket server; the request asks for no upgrade.", http.StatusUpgradeRequired)
		})
	}
	p := &plainHTTP{addr: addr, streams: make(chan net.Conn), stopped: make(chan struct{})}
	p.server = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
	}
	p.done.Go(func() { p.server.Serve(p) })
	return p
}

// serve hands a stream over and returns when that is closed.
func (p *plainHTTP) serve(stream *readAhead) {
	s := &handedOver{readAhead: stream, closed: make(chan struct{})}
	select {
	case p.streams <- s:
		<-s.closed
	case <-p.stopped:
		stream.Close()
	}
}

// handedOver is a stream that tells when the HTTP server is done with it.
type handedOver struct {
	*readAhead
	once   sync.Once
	closed chan struct{}
}

func (h *handedOver) Close() error {
	err := h.readAhead.Close()
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
}
