// Package stdio is the transport of this process's own standard input and
// output, as a stream: for what is started by inetd, ssh or another program.
package stdio

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"sync"

	"github.com/muesli/cancelreader"

	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/pipe"
)

// Entry is what the registry knows of this transport.
var Entry = transports.Entry{
	Scheme:  "stdio",
	Summary: "standard input and output of ws76 itself, for inetd, ssh and other programs that start it",
	Example: "stdio:",
	Open: func(u *url.URL, o transports.Options) (transports.Transport, error) {
		return Open(u, o)
	},
}

// Transport is one stream, which can be dialled or accepted once. It implements
// transports.Transport and transports.Listener.
type Transport struct {
	in, out *os.File

	mu   sync.Mutex
	used bool
}

// Open makes the transport of a stdio: URL, which is just that, on o.Stdin and o.Stdout.
func Open(u *url.URL, o transports.Options) (*Transport, error) {
	if err := transports.CheckQuery(u); err != nil {
		return nil, err
	}
	if u.Opaque != "" || u.Host != "" || u.Path != "" || u.User != nil {
		return nil, errors.New("nothing may follow the scheme stdio")
	}
	return &Transport{in: o.Stdin, out: o.Stdout}, nil
}

// errUsed says that there is no second stream.
var errUsed = errors.New("standard input and output are one stream, which is in use or was")

// Dial returns the stream; addr is ignored. It owns the two files, and closes them. Where both are one socket, as under
// inetd, it is that socket. Else Close ends a waiting Read where the system lets it, which is everywhere but on
// Windows, and may leave a Write behind that nobody takes the bytes of. The error is a *transports.DialError.
func (t *Transport) Dial(ctx context.Context, addr string) (net.Conn, error) {
	err := ctx.Err()
	if err == nil {
		var conn net.Conn
		if conn, err = t.open(); err == nil {
			return conn, nil
		}
	}
	return nil, &transports.DialError{Transport: "stdio", Addr: "stdio:", Local: true, Err: err}
}

func (t *Transport) open() (net.Conn, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.in == nil || t.out == nil:
		return nil, errors.New("there are no standard input and output")
	case t.used:
		return nil, errUsed
	}
	t.used = true
	if conn := socket(t.in, t.out); conn != nil {
		return conn, nil
	}
	s := &stream{in: t.in, out: t.out, reader: t.in}
	// The files stay in blocking mode, which is that of every process that shares them.
	if c, err := newCancelReader(t.in); err == nil {
		s.reader, s.cancel = c, c
	}
	return pipe.Pump(s, pipe.Addr{Net: "stdio", Name: "stdio:"}), nil
}

// socket returns the connection that in and out are, or nil.
func socket(in, out *os.File) net.Conn {
	a, errIn := in.Stat()
	b, errOut := out.Stat()
	if errIn != nil || errOut != nil || a.Mode().Type() != fs.ModeSocket || !os.SameFile(a, b) {
		return nil
	}
	conn, err := net.FileConn(in) // a duplicate
	if err != nil {
		return nil
	}
	in.Close()
	out.Close()
	return conn
}

// stream is the two files as a pump takes them.
type stream struct {
	in, out *os.File
	reader  io.Reader                 // of in
	cancel  cancelreader.CancelReader // nil: a read cannot be ended
}

// Read reads standard input. The pump reads on until there is an error, and no further.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.reader.Read(p)
	if err != nil && s.cancel != nil {
		s.cancel.Close()
		s.in.Close()
	}
	return n, err
}

func (s *stream) Write(p []byte) (int, error) { return s.out.Write(p) }

// CloseWrite closes standard output, so that its reader sees the end.
func (s *stream) CloseWrite() error { return s.out.Close() }

func (s *stream) Close() error {
	if s.cancel != nil {
		s.cancel.Cancel()
	} else {
		s.in.Close()
	}
	s.out.Close() // CloseWrite may have done it
	return nil
}

// Listen returns a listener that accepts the stream and, once it was closed, gives
// io.EOF; addr is ignored. The error is a *transports.ListenError.
func (t *Transport) Listen(ctx context.Context, addr string) (net.Listener, error) {
	conn, err := t.open()
	if err != nil {
		return nil, &transports.ListenError{Transport: "stdio", Addr: "stdio:", Err: err}
	}
	l := &listener{one: make(chan net.Conn, 1), over: make(chan struct{}), closed: make(chan struct{})}
	l.one <- &accepted{Conn: conn, over: l.over}
	return l, nil
}

type listener struct {
	one    chan net.Conn
	over   chan struct{} // closed with the connection
	closed chan struct{}
	once   sync.Once
}

// Accept returns the stream, then waits for its end.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.one:
		return conn, nil
	case <-l.over:
	case <-l.closed:
	}
	select {
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: "stdio", Addr: l.Addr(), Err: net.ErrClosed}
	default:
		return nil, io.EOF
	}
}

// Close ends Accept, and the stream if nobody has accepted it.
func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		select {
		case conn := <-l.one:
			conn.Close()
		default:
		}
	})
	return nil
}

func (l *listener) Addr() net.Addr { return pipe.Addr{Net: "stdio", Name: "stdio:"} }

// accepted tells its listener when it is closed.
type accepted struct {
	net.Conn
	once sync.Once
	over chan struct{}
}

func (a *accepted) Close() error {
	err := a.Conn.Close()
	a.once.Do(func() { close(a.over) })
	return err
}

// CloseWrite ends the sending side.
func (a *accepted) CloseWrite() error {
	if half, ok := a.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Reaches is for transports.Reacher.
func (t *Transport) Reaches(string, bool) []transports.Reach {
	return []transports.Reach{{Kind: "stdio", Target: "standard input and output"}}
}
