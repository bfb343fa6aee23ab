package bridge

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/internal/outq"
)

// Bounds of what a peer may hold while it does nothing, as a server has them of its
// connections. The zero value has none.
type Bounds struct {
	// Pending is where the memory of an unfinished message is counted; see core.Budget.
	Pending *core.Budget
	// MessageTimeout bounds the time that a message may take to arrive, and WriteTimeout
	// the time for which the peer may take nothing of what is sent to it; see
	// core.AcceptOptions. 0 or less: no bound.
	MessageTimeout, WriteTimeout time.Duration
}

// guard is books with bounds. A device on a serial line may take any time: to open that
// again may start it anew.
type guard struct {
	*books
	Bounds
	secure        bool
	endpoint      *format.Endpoint
	reads, writes limit

	// Of the record that is read, where it has begun and has its time.
	bounded bool
	record  int64
	since   time.Time

	mu      sync.Mutex
	holding core.Holding
	closed  bool
}

func newGuard(b *books, bounds Bounds) *guard {
	if !b.socket {
		bounds.MessageTimeout, bounds.WriteTimeout = 0, 0
	}
	_, secure := outq.Under(b.Conn)
	g := &guard{books: b, Bounds: bounds, secure: secure}
	g.reads.set, g.writes.set = b.Conn.SetReadDeadline, b.Conn.SetWriteDeadline
	return g
}

func (g *guard) SetReadDeadline(t time.Time) error  { return g.reads.forceTo(t) }
func (g *guard) SetWriteDeadline(t time.Time) error { return g.writes.forceTo(t) }

// GiveUp is a core.Holder's.
func (g *guard) GiveUp() { g.reads.change(func() { g.reads.giveUp = true }) }

// past is a deadline that makes a waiting call return at once.
var past = time.Unix(1, 0)

func (g *guard) hold(n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		n = 0
	}
	g.Pending.Set(&g.holding, g, n)
}

// close is what is done in the end, after stream.
func (g *guard) close(stream func() error) error {
	err := stream()
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.hold(0)
	return err
}

// Read fails with core.ErrPendingFull or core.ErrMessageSlow, and with format.ErrRelease.
func (g *guard) Read(p []byte) (int, error) {
	held, record, begun := g.endpoint.Holds()
	g.hold(held)
	g.boundRecord(record, begun)
	for {
		n, err := g.books.Read(p)
		if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && !g.reads.forced() {
			givenUp := g.reads.givenUp()
			switch {
			case givenUp && !begun:
				g.reads.change(func() { g.reads.giveUp = false })
				g.hold(0)
				return 0, format.ErrRelease
			case givenUp:
				err = core.ErrPendingFull
			case !g.bounded || g.reads.missed():
				continue
			default:
				err = fmt.Errorf("%w: not whole after %v", core.ErrMessageSlow, g.MessageTimeout)
			}
		}
		if err != nil {
			g.hold(0)
		}
		return n, err
	}
}

// boundRecord gives an unfinished record its time, counted to an eighth.
func (g *guard) boundRecord(record int64, begun bool) {
	switch {
	case g.MessageTimeout <= 0:
	case !begun && g.bounded:
		g.bounded = false
		g.reads.until(time.Time{})
	case begun && (!g.bounded || g.record != record):
		g.record = record
		if now := time.Now(); !g.bounded || now.Sub(g.since) > g.MessageTimeout/8 {
			g.bounded, g.since = true, now
			g.reads.until(now.Add(g.MessageTimeout + g.MessageTimeout/8))
		}
	}
}

// How much is written at once, and how often it is looked whether the peer takes anything
// in the time that it may take nothing.
const (
	writePiece = 64 << 10
	writeLooks = 8
)

// Write fails with core.ErrNotRead.
func (g *guard) Write(p []byte) (n int, err error) {
	if g.WriteTimeout <= 0 {
		return g.books.Write(p)
	}
	look := g.WriteTimeout / writeLooks
	if g.secure { // after a write that took too long there is no other
		look = g.WriteTimeout
	}
	for taken := time.Now(); n < len(p); {
		g.writes.until(time.Now().Add(look))
		k, err := g.books.Write(p[n:min(n+writePiece, len(p))])
		n += k
		expired := errors.Is(err, os.ErrDeadlineExceeded) && !g.writes.forced()
		switch {
		case err == nil, expired && k > 0 && !g.secure:
			taken = time.Now()
		case expired && !g.secure && (g.writes.missed() || time.Since(taken) < g.WriteTimeout):
		case expired:
			return n, fmt.Errorf("%w: nothing within %v", core.ErrNotRead, g.WriteTimeout)
		default:
			return n, err
		}
	}
	return n, nil
}

// limit is the deadline of a stream's reads, or writes: what is forced on it from outside,
// or else now where what waits is to be given up, or else a bound.
type limit struct {
	set func(time.Time) error

	mu     sync.Mutex
	force  time.Time // zero: none
	giveUp bool
	at     time.Time // zero: none
}

// change changes l by by. The caller does not have the lock.
func (l *limit) change(by func()) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	by()
	switch {
	case !l.force.IsZero():
		return l.set(l.force)
	case l.giveUp:
		return l.set(past)
	}
	return l.set(l.at)
}

func (l *limit) forceTo(t time.Time) error { return l.change(func() { l.force = t }) }

func (l *limit) until(t time.Time) { l.change(func() { l.at = t }) }

func (l *limit) forced() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.force.IsZero()
}

func (l *limit) givenUp() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.giveUp
}

// late is how long after its time a deadline is noticed that passed while the process did
// not run: it was stopped, or its machine slept.
const late = time.Second

// missed reports whether the bound has passed while nobody was there to see what came
// before it. It is put off a little then, once.
func (l *limit) missed() (missed bool) {
	l.change(func() {
		if now := time.Now(); !l.at.IsZero() && now.Sub(l.at) >= late {
			l.at, missed = now.Add(late), true
		}
	})
	return missed
}
