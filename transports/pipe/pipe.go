// Package pipe makes a net.Conn of files, such as the two pipes of a child
// process or a terminal line, and of streams whose calls cannot be ended from outside.
package pipe

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/ws76/ws76/internal/outq"
)

// Addr names an end of a connection that has no address: the transport and the device or command.
type Addr struct{ Net, Name string }

// Network returns the name of the transport.
func (a Addr) Network() string { return a.Net }

// String returns the name of the device or command.
func (a Addr) String() string { return a.Name }

// Reader is what a Conn reads from: an *os.File, or a net.Conn.
type Reader interface {
	io.ReadCloser
	SetReadDeadline(time.Time) error
}

// Writer is what a Conn writes to.
type Writer interface {
	io.WriteCloser
	SetWriteDeadline(time.Time) error
}

// Conn is a net.Conn over one or two files that the runtime can wait for:
// pipes, terminals, sockets. Its errors are io.EOF or *net.OpError.
type Conn struct {
	r    Reader
	w    Writer
	addr Addr

	mu     sync.Mutex
	closed bool
	users  sync.WaitGroup // calls of Read and Write
}

// New returns the connection that reads from r and writes to w, which may be the same. It owns both. Files that are
// always ready, such as regular ones, do as well, but have no deadlines.
func New(r Reader, w Writer, addr Addr) *Conn {
	return &Conn{r: r, w: w, addr: addr}
}

// Read reads from the one file.
func (c *Conn) Read(p []byte) (int, error) { return c.do("read", c.r.Read, p) }

// Write writes to the other.
func (c *Conn) Write(p []byte) (int, error) { return c.do("write", c.w.Write, p) }

// Unsent returns how many bytes that were written the other side is known not to have
// read, or the line to carry still; 0 where that is not known.
func (c *Conn) Unsent() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	file, ok := c.w.(syscall.Conn)
	if !ok || c.closed {
		return 0
	}
	return outq.Of(file)
}

func (c *Conn) do(op string, f func([]byte) (int, error), p []byte) (int, error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return 0, c.fail(op, net.ErrClosed)
	}
	c.users.Add(1)
	c.mu.Unlock()
	defer c.users.Done()
	n, err := f(p)
	if err == nil || err == io.EOF {
		return n, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || errors.Is(err, os.ErrClosed) {
		err = net.ErrClosed
	}
	return n, c.fail(op, err)
}

// fail puts this connection's name in place of the file's.
func (c *Conn) fail(op string, err error) error {
	var path *fs.PathError
	switch {
	case errors.As(err, &path):
		err = path.Err
	case err != net.ErrClosed && is[*net.OpError](err):
		return err
	}
	return &net.OpError{Op: op, Net: c.addr.Net, Addr: c.addr, Err: err}
}

func is[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

// one reports whether one file is read and written.
func (c *Conn) one() bool { return any(c.r) == any(c.w) }

// CloseWrite closes the file that is written to, where it is not the one that is
// read too; else the error is errors.ErrUnsupported.
func (c *Conn) CloseWrite() error {
	if c.one() {
		return c.fail("close", errors.ErrUnsupported)
	}
	return c.w.Close()
}

// Close ends waiting calls and closes the files.
func (c *Conn) Close() error {
	if !c.Release() {
		return nil
	}
	err := c.r.Close()
	if !c.one() {
		if werr := c.w.Close(); err == nil && !errors.Is(werr, os.ErrClosed) {
			err = werr
		}
	}
	return err
}

// Release closes the connection, which ends waiting calls, and leaves the files open and without deadlines to whoever
// made it. It reports false where the connection was closed already.
func (c *Conn) Release() bool {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return false
	}
	c.closed = true
	past := time.Unix(1, 0)
	c.r.SetReadDeadline(past)
	c.w.SetWriteDeadline(past)
	c.mu.Unlock()
	c.users.Wait()
	c.r.SetReadDeadline(time.Time{})
	c.w.SetWriteDeadline(time.Time{})
	return true
}

// LocalAddr returns the name that the connection was given, as RemoteAddr does.
func (c *Conn) LocalAddr() net.Addr { return c.addr }

// RemoteAddr returns the name that the connection was given.
func (c *Conn) RemoteAddr() net.Addr { return c.addr }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline bounds the waiting of Read.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.set(c.r.SetReadDeadline, t) }

// SetWriteDeadline bounds the waiting of Write.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.set(c.w.SetWriteDeadline, t) }

func (c *Conn) set(f func(time.Time) error, t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed { // Release must not be undone
		return c.fail("set", net.ErrClosed)
	}
	if err := f(t); err != nil {
		return c.fail("set", err)
	}
	return nil
}
