package scripttest

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// network is what scripts of a test dial, listen and open: pipes in memory. It knows which goroutines wait for it, so that
// a test can tell when nothing is on its way any more.
type network struct {
	mu        sync.Mutex
	changed   *sync.Cond
	waiting   int // goroutines that wait here for what others do
	moves     int // changes that may have woken some
	listeners map[string]*listener
	ports     int
}

func newNetwork() *network {
	n := &network{listeners: map[string]*listener{}, ports: 40000}
	n.changed = sync.NewCond(&n.mu)
	return n
}

// wait waits for a change. The caller has the lock.
func (n *network) wait() {
	n.waiting++
	n.changed.Wait()
}

// change wakes all who wait; those whose turn it is not wait again. The caller has the lock.
func (n *network) change() {
	n.waiting = 0
	n.moves++
	n.changed.Broadcast()
}

// still returns how many goroutines wait, and how many changes there were.
func (n *network) still() (waiting, moves int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.waiting, n.moves
}

// address is one of the network.
type address string

func (a address) Network() string { return "test" }
func (a address) String() string  { return string(a) }

// listener is a net.Listener of a network.
type listener struct {
	net     *network
	addr    string
	backlog []net.Conn
	closed  bool
}

// listen begins to listen on an address that nobody listens on.
func (n *network) listen(addr string) (*listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[addr] != nil {
		return nil, fmt.Errorf("listening on %s: this test does already", addr)
	}
	l := &listener{net: n, addr: addr}
	n.listeners[addr] = l
	return l, nil
}

// dial connects to the first of the addresses that is listened on; ok is false where none is.
func (n *network) dial(addrs ...string) (stream net.Conn, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, addr := range addrs {
		l := n.listeners[addr]
		if l == nil {
			continue
		}
		ours := &end{net: n, to: addr}
		ours.other = &end{net: n, to: "test", other: ours}
		l.backlog = append(l.backlog, ours.other)
		n.change()
		return ours, true
	}
	return nil, false
}

func (l *listener) Accept() (net.Conn, error) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	for len(l.backlog) == 0 && !l.closed {
		l.net.wait()
	}
	if l.closed {
		return nil, net.ErrClosed
	}
	c := l.backlog[0]
	l.backlog = l.backlog[1:]
	return c, nil
}

func (l *listener) Close() error {
	l.net.mu.Lock()
	backlog := l.backlog
	if !l.closed {
		l.closed, l.backlog = true, nil
		delete(l.net.listeners, l.addr)
		l.net.change()
	}
	l.net.mu.Unlock()
	for _, c := range backlog {
		c.Close()
	}
	return nil
}

func (l *listener) Addr() net.Addr { return address(l.addr) }

// maxPipe bounds what one end has sent and the other has not read, in bytes.
const maxPipe = 1 << 20

// end is one end of a connection.
type end struct {
	net         *network
	other       *end
	to          string
	in          []byte // that was sent to it
	closed      bool
	read, write deadline
}

// deadline is one of an end.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) over() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (e *end) Read(p []byte) (int, error) {
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	for {
		switch {
		case e.closed:
			return 0, net.ErrClosed
		case len(p) == 0:
			return 0, nil
		case len(e.in) > 0:
			n := copy(p, e.in)
			e.in = e.in[n:]
			e.net.change()
			return n, nil
		case e.other.closed:
			return 0, io.EOF
		case e.read.over():
			return 0, os.ErrDeadlineExceeded
		}
		e.net.wait()
	}
}

func (e *end) Write(p []byte) (written int, err error) {
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	for {
		switch {
		case e.closed:
			return written, net.ErrClosed
		case e.other.closed:
			return written, io.ErrClosedPipe
		case len(p) == 0:
			return written, nil
		case e.write.over():
			return written, os.ErrDeadlineExceeded
		}
		if n := min(len(p), maxPipe-len(e.other.in)); n > 0 {
			e.other.in = append(e.other.in, p[:n]...)
			p, written = p[n:], written+n
			e.net.change()
			continue
		}
		e.net.wait()
	}
}

func (e *end) Close() error {
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	e.closed = true
	e.read.stop()
	e.write.stop()
	e.net.change()
	return nil
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}

// set sets a deadline; who waits looks at it then.
func (e *end) set(d *deadline, t time.Time) {
	d.stop()
	d.at = t
	if left := time.Until(t); !t.IsZero() && left > 0 && !e.closed {
		d.timer = time.AfterFunc(left, func() {
			e.net.mu.Lock()
			defer e.net.mu.Unlock()
			e.net.change()
		})
	}
	e.net.change()
}

func (e *end) SetReadDeadline(t time.Time) error {
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	e.set(&e.read, t)
	return nil
}

func (e *end) SetWriteDeadline(t time.Time) error {
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	e.set(&e.write, t)
	return nil
}

func (e *end) SetDeadline(t time.Time) error {
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	e.set(&e.read, t)
	e.set(&e.write, t)
	return nil
}

func (e *end) LocalAddr() net.Addr  { return address(e.other.to) }
func (e *end) RemoteAddr() net.Addr { return address(e.to) }
