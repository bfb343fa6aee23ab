// Package tcplimit bounds what the peer of a TCP connection can cost: how long it may
// acknowledge nothing, and how much the system keeps for one that takes nothing.
//
// Nothing comes back from a peer that is gone without a word, because its power is off or the way to it is cut, not
// even that there is none, and what is sent to it is sent again for a quarter of an hour. The system ends such a
// connection by itself, where it can, with ETIMEDOUT: one on which nothing that was sent has been acknowledged for a
// time (TCP_USER_TIMEOUT of RFC 5482). Linux counts so where a peer is alive and takes nothing because its window is
// closed, too. Those are not this package's to judge, so it looks at connections now and then and lets these be.
//
// Without a bound of what is unsent Linux takes up to 4 MiB from us, of which nothing can be sent while the window of
// the peer is closed: memory that no limit of ours counts, messages that are said not to be known when the connection
// breaks, and work for a client that asks on and on and never reads. What is on its way is not bounded, so a fast peer
// far away is as fast as before.
package tcplimit

import (
	"context"
	"net"
	"sync"
	"syscall"
	"time"
	"weak"
)

// Default is how long a peer may acknowledge nothing where nothing else is said.
const Default = 60 * time.Second

// Unsent is how many bytes may wait in the system for a window to open. The system takes
// more once half of them have been sent.
const Unsent = 256 << 10

// Set bounds the TCP socket fd: what is unsent, and for how long its peer may acknowledge
// nothing, which is the system's own time where after is below 0.
func Set(fd int, after time.Duration) {
	boundUnsent(fd)
	if after >= 0 {
		setTimeout(fd, after)
	}
}

// Watch has the peers of connections noticed. Its methods may be called concurrently.
type Watch struct {
	after time.Duration // below 0: never

	mu    sync.Mutex
	conns []weak.Pointer[net.TCPConn]
	timer *time.Timer // nil: there are none
}

// New returns a Watch for peers that acknowledge nothing for after. 0: Default; below 0: it watches nothing.
func New(after time.Duration) *Watch { return &Watch{after: OrDefault(after)} }

// OrDefault returns after, and Default for 0.
func OrDefault(after time.Duration) time.Duration {
	if after == 0 {
		return Default
	}
	return after
}

// Period is how often each connection has to be looked at.
func Period(after time.Duration) time.Duration { return max(after/4, 10*time.Millisecond) }

// Add watches conn, until it is closed, if it is a TCP connection, and bounds what waits unsent in the system.
func (w *Watch) Add(conn net.Conn) {
	c, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	err := control(c, func(fd int) { Set(fd, w.after) })
	if err != nil || w.after < 0 || !looks {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, weak.Make(c))
	if w.timer == nil {
		w.timer = time.AfterFunc(Period(w.after), w.look)
	}
}

// look looks at the connections that are open still.
func (w *Watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	open := w.conns[:0]
	for _, p := range w.conns {
		c := p.Value()
		if c != nil && control(c, func(fd int) { Look(fd, w.after) }) == nil {
			open = append(open, p)
		}
	}
	clear(w.conns[len(open):])
	w.conns, w.timer = open, nil
	if len(open) > 0 {
		w.timer = time.AfterFunc(Period(w.after), w.look)
	}
}

func control(c syscall.Conn, f func(fd int)) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(func(fd uintptr) { f(int(fd)) })
}

// Dial is that of net.Dialer; the connection is watched.
func (w *Watch) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil {
		w.Add(conn)
	}
	return conn, err
}

// Listen has the peers of what l accepts watched. Other listeners than those of TCP are
// returned as they are. The listener of the result says how often it probes quiet
// peers, by its method KeepAlive, to who accepts from its socket by itself.
func (w *Watch) Listen(l net.Listener, keepAlive time.Duration) net.Listener {
	if tcp, ok := l.(*net.TCPListener); ok {
		return &listener{tcp, w, keepAlive}
	}
	return l
}

type listener struct {
	*net.TCPListener
	watch     *Watch
	keepAlive time.Duration
}

func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.TCPListener.Accept()
	if err == nil {
		l.watch.Add(conn)
	}
	return conn, err
}

// KeepAlive is the time between probes; 0: the default of package net, below 0: none.
func (l *listener) KeepAlive() time.Duration { return l.keepAlive }
