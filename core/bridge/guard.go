package bridge

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/internal/deadline"
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
	endpoint *format.Endpoint
	reads    deadline.Reads
	writes   deadline.Writes

	mu      sync.Mutex
	holding core.Holding
	closed  bool
}

func newGuard(b *books, bounds Bounds) *guard {
	if !b.socket {
		bounds.MessageTimeout, bounds.WriteTimeout = 0, 0
	}
	g := &guard{books: b, Bounds: bounds}
	g.reads.Set, g.reads.Timeout = b.Conn.SetReadDeadline, bounds.MessageTimeout
	g.writes.Set, g.writes.Timeout = b.Conn.SetWriteDeadline, bounds.WriteTimeout
	_, g.writes.Once = outq.Under(b.Conn)
	return g
}

func (g *guard) SetReadDeadline(t time.Time) error  { return g.reads.Force(t) }
func (g *guard) SetWriteDeadline(t time.Time) error { return g.writes.Force(t) }

// GiveUp is a core.Holder's.
func (g *guard) GiveUp() { g.reads.GiveUp() }

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
	g.reads.Begin(uint64(record), begun)
	for {
		n, err := g.books.Read(p)
		if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && !g.reads.Forced() {
			givenUp := g.reads.GivenUp()
			switch {
			case givenUp && !begun:
				g.reads.Forgive()
				g.hold(0)
				return 0, format.ErrRelease
			case givenUp:
				err = g.gaveUp(core.ErrPendingFull)
			case !g.reads.Bounded() || g.reads.Missed():
				continue
			default:
				err = g.gaveUp(fmt.Errorf("%w: not whole after %v", core.ErrMessageSlow, g.MessageTimeout))
			}
		}
		if err != nil {
			g.hold(0)
		}
		return n, err
	}
}

// gaveUp notes that the peer is given up, and returns err.
func (g *guard) gaveUp(err error) error {
	g.books.reset.Store(true)
	return err
}

// Write fails with core.ErrNotRead.
func (g *guard) Write(p []byte) (n int, err error) {
	if g.writes.Timeout <= 0 {
		return g.books.Write(p)
	}
	err = g.writes.Do(func() (int, bool, error) {
		piece := p[n:]
		if g.writes.Once {
			piece = piece[:min(len(piece), deadline.Piece)]
		}
		k, err := g.books.Write(piece)
		n += k
		return k, n == len(p), err
	})
	if err == deadline.ErrNotTaken {
		err = g.gaveUp(fmt.Errorf("%w: nothing within %v", core.ErrNotRead, g.WriteTimeout))
	}
	return n, err
}
