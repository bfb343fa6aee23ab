package serial

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/pipe"
)

// reopenEvery is how often a listener looks whether a device that is gone is back.
const reopenEvery = time.Second

// Listen opens the port; addr is ignored. A line has no connections, so they are made: one begins when data arrives,
// and the next one with the first data after it was closed. A device that is unplugged ends its connection; Accept goes
// on once it is back. The error is a *transports.ListenError.
func (t *Transport) Listen(ctx context.Context, addr string) (net.Listener, error) {
	port, err := OpenPort(ctx, t.config)
	if err != nil {
		var dial *transports.DialError
		errors.As(err, &dial)
		return nil, &transports.ListenError{Transport: "serial", Addr: dial.Addr, Hint: dial.Hint, Err: dial.Err}
	}
	return &listener{config: t.config, port: port, free: make(chan struct{}, 1), closed: make(chan struct{})}, nil
}

// listener makes connections of one port, one at a time.
type listener struct {
	config Config
	free   chan struct{} // holds a token while there is a connection
	closed chan struct{}

	mu    sync.Mutex
	port  *Port // nil while it is gone
	inUse bool  // by a session
	done  bool
}

// Accept waits until there is no connection and data arrives.
func (l *listener) Accept() (net.Conn, error) {
	fail := &net.OpError{Op: "accept", Net: "serial", Addr: l.Addr(), Err: net.ErrClosed}
	select {
	case <-l.closed:
		return nil, fail
	case l.free <- struct{}{}:
	}
	first := make([]byte, 4096)
	for {
		if port := l.current(); port != nil {
			n, err := port.Read(first)
			if s := l.begin(port, first[:n], err); s != nil {
				return s, nil
			}
		}
		select {
		case <-l.closed:
			<-l.free
			return nil, fail
		case <-time.After(reopenEvery):
		}
	}
}

// current returns the port, opened again where it was gone and is back.
func (l *listener) current() *Port {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.port == nil && !l.done {
		l.port, _ = OpenPort(context.Background(), l.config)
	}
	return l.port
}

// begin makes a connection of the port, with what was read of it already. It
// returns nil after Close, and where the port gave an error and is closed.
func (l *listener) begin(port *Port, first []byte, err error) *session {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil || l.done {
		port.Close()
		l.port = nil
		return nil
	}
	l.inUse = true
	return &session{Conn: pipe.New(port, port, pipe.Addr{Net: "serial", Name: l.config.Path}), first: first, end: l.end}
}

// end takes the port back from a session.
func (l *listener) end() {
	l.mu.Lock()
	l.inUse = false
	if l.done {
		l.port.Close()
	}
	l.mu.Unlock()
	<-l.free
}

// Close ends Accept. A connection lives on until it is closed itself.
func (l *listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		return nil
	}
	l.done = true
	close(l.closed)
	if l.port == nil || l.inUse {
		return nil
	}
	return l.port.Close()
}

func (l *listener) Addr() net.Addr { return pipe.Addr{Net: "serial", Name: l.config.Path} }

// session is a connection of a listener: the use of its port until Close.
type session struct {
	*pipe.Conn
	end func()

	mu    sync.Mutex
	first []byte // that Accept has read
}

// Read is net.Conn's.
func (s *session) Read(p []byte) (int, error) {
	s.mu.Lock()
	if len(s.first) > 0 {
		defer s.mu.Unlock()
		n := copy(p, s.first)
		s.first = s.first[n:]
		return n, nil
	}
	s.mu.Unlock()
	return s.Conn.Read(p)
}

// Close gives the port back.
func (s *session) Close() error {
	if s.Conn.Release() {
		s.end()
	}
	return nil
}
