package wifly

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/transports/serial"
)

// errClosed is the end of a stream that the module announced.
var errClosed = errors.New("the module says that the TCP connection is closed")

// Without flow control the module's buffer of some 1500 bytes overflows where the UART is faster than its radio.
const (
	paceAbove = 115200 // baud
	paceChunk = 1024
)

// closeWait bounds the dialogue that ends a connection, with a module that answers as slowly as has been seen; one that
// does not is given up after some six seconds. drainWait is the time before it in which written bytes leave the wire.
const (
	closeWait = 20 * time.Second
	drainWait = 5 * time.Second
)

// A conn is the stream of the module's connection.
type conn struct {
	m             *Module
	local, remote net.Addr
	flow          bool

	// finish ends what Close leaves: the line is one of text again. gone is why the
	// stream was over, if it was, and rest the module's text behind that.
	finish func(gone error, rest []byte) error
	// patience is how long Close gives the peer to end the connection itself.
	patience time.Duration

	readMu   sync.Mutex
	reading  deadline
	writeMu  sync.Mutex
	writing  deadline // the port has it too; this one ends pauses
	escape   escapeGuard
	endMu    sync.Mutex // guards the port's write deadline against Close
	closed   chan struct{}
	closeErr error
	over     atomic.Bool   // at Close the module had announced the end of the stream
	lost     atomic.Bool   // and had no access point
	ended    chan struct{} // Close is done
}

func newConn(m *Module, local, remote net.Addr) *conn {
	m.line.port.SetWriteDeadline(time.Time{})
	m.booted = false
	return &conn{
		m: m, local: local, remote: remote, reading: newDeadline(), writing: newDeadline(),
		closed: make(chan struct{}), ended: make(chan struct{}),
	}
}

// newFilter returns the filter of a stream that m's marks belong to.
func (m *Module) newFilter() *filter {
	return &filter{mark: []byte(m.closing[:len(m.closing)/2])}
}

// Read gives io.EOF when the peer has closed the connection, and an *Error when the module rebooted or its port failed.
func (c *conn) Read(p []byte) (int, error) {
	c.readMu.Lock()
	defer c.readMu.Unlock()
	for {
		passed := c.reading.wait()
		switch {
		case isClosed(c.closed):
			return 0, net.ErrClosed
		case isClosed(passed):
			return 0, errTimeout
		case len(p) == 0:
			return 0, nil
		}
		n, err := c.m.line.take(p)
		switch {
		case n > 0:
			return n, nil
		case err != nil && isClosed(c.closed):
			return 0, net.ErrClosed
		case err != nil:
			return 0, c.ending(err, io.EOF)
		}
		select {
		case <-c.m.line.arrived:
		case <-c.closed:
		case <-passed:
		}
	}
}

// ending is the error for a stream that is over; closed is that of one that the peer has closed.
func (c *conn) ending(err, closed error) error {
	switch err {
	case errClosed:
		return closed
	case ErrRebooted:
		return fail(ErrRebooted, "connection to "+c.remote.String(), "")
	}
	return err
}

// Write writes p, in one piece where that is possible. A p of nothing but up to three
// dollars may take a third of a second; see escapeGuard.
func (c *conn) Write(p []byte) (written int, err error) {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	for first := true; len(p) > 0 || first; first = false {
		if isClosed(c.closed) {
			return written, net.ErrClosed
		}
		if err := c.m.line.ended(); err != nil {
			return written, c.ending(err, &net.OpError{Op: "write", Net: scheme, Addr: c.remote, Err: errClosed})
		}
		if len(p) == 0 {
			return 0, nil
		}
		wait, n := c.escape.next(p, time.Now())
		if !c.flow && c.m.line.baud > paceAbove {
			n = min(n, paceChunk)
			busy := c.m.line.busy()
			wait = max(wait, busy+busy/2) // about 70 % of the line
		}
		if err := c.pause(wait); err != nil {
			return written, err
		}
		n, err := c.m.line.write(p[:n])
		c.escape.wrote(p[:n], time.Now())
		written += n
		p = p[n:]
		switch {
		case err == nil:
		case isClosed(c.closed):
			return written, net.ErrClosed
		case errors.Is(err, errTimeout):
			return written, errTimeout
		default:
			return written, &Error{Kind: ErrUnplugged, Doing: "write " + c.local.String(), Err: err, Hint: hints[ErrUnplugged]}
		}
	}
	return written, nil
}

// pause waits for d, Close or the deadline of writes.
func (c *conn) pause(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-c.closed:
		return net.ErrClosed
	case <-c.writing.wait():
		return errTimeout
	}
}

// Ended returns why the stream is over, nil while it is not, or where Read says it. Close
// finds out whether the module has lost its access point.
func (c *conn) Ended() error {
	switch {
	case c.lost.Load() && c.over.Load():
		return fail(ErrLinkLost, "connection to "+c.remote.String(), "")
	case c.over.Load() || c.m.line.ended() == errClosed:
		return errClosed
	}
	return nil
}

// Doubt says how bytes may have been lost on the line, "" where it has flow control.
func (c *conn) Doubt() string {
	if c.flow {
		return ""
	}
	return serial.Doubt
}

// Unsent returns how many bytes that were written are not with the module yet, as far as the rate and the port tell.
func (c *conn) Unsent() int { return c.m.line.unsent() }

// Close ends the connection by the module's close command, puts its settings back
// and gives the port free. It takes about a second: the module wants silence around
// the command. A module that does not answer is left after some six seconds.
func (c *conn) Close() error {
	c.endMu.Lock()
	if isClosed(c.closed) {
		c.endMu.Unlock()
		<-c.ended
		return c.closeErr
	}
	close(c.closed)
	c.m.line.port.SetWriteDeadline(time.Unix(1, 0)) // a Write that waits
	c.endMu.Unlock()
	defer close(c.ended)
	for _, call := range []*sync.Mutex{&c.writeMu, &c.readMu} { // those under way are over, later ones do nothing
		call.Lock()
		call.Unlock() //lint:ignore SA2001 what it waits for is that nobody has it
	}
	c.closeErr = c.end()
	return c.closeErr
}

func (c *conn) end() error {
	gone := c.m.line.ended()
	if gone == nil {
		sleep(context.Background(), min(c.m.line.busy(), drainWait))
		gone = c.m.line.endsWithin(c.patience)
	}
	rest, booted, end := c.m.line.text()
	if gone == nil {
		gone = end
	}
	c.over.Store(gone == errClosed)
	c.m.booted = c.m.booted || booted
	return c.finish(gone, rest)
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *conn) SetReadDeadline(t time.Time) error {
	if isClosed(c.closed) {
		return net.ErrClosed
	}
	c.reading.set(t)
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.endMu.Lock()
	defer c.endMu.Unlock()
	if isClosed(c.closed) {
		return net.ErrClosed
	}
	c.writing.set(t)
	return c.m.line.port.SetWriteDeadline(t)
}
