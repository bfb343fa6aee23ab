package bridge

import (
	"context"
	"errors"
	"sync"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
)

// feed sends what is kept to e until that is lost, or refuses a message, and returns
// why.
func (b *Buffer) feed(e relay.Endpoint) error {
	to := newSender(e)
	ctx, cancel := context.WithCancel(b.ctx)
	var watching sync.WaitGroup
	defer func() { cancel(); watching.Wait() }()
	// The receiving side is the first to know that a peer is gone; a write that
	// waits for it would wait long.
	watching.Go(func() { b.cancelWhenLost(ctx, cancel) })

	b.mu.Lock()
	defer b.mu.Unlock()
	b.handed, b.fate, b.fateBefore = 0, nil, 0
	if f, ok := e.(interface{ Fate() core.Fate }); ok {
		b.fate, b.fateBefore = f.Fate, f.Fate().Given
	}
	if p, ok := e.(interface{ SeekProof() }); ok {
		p.SeekProof()
	}
	for b.lost == nil && ctx.Err() == nil {
		if b.n == 0 {
			b.wait(ctx)
			continue
		}
		if err := b.sendKept(ctx, to); err != nil {
			if !refused(err) {
				b.awaitLoss(ctx)
			}
			if b.lost == nil {
				return err
			}
		}
	}
	if b.lost != nil {
		return b.lost
	}
	return context.Cause(b.ctx)
}

// wait waits for a change. The caller holds b.mu, which is let go meanwhile.
func (b *Buffer) wait(ctx context.Context) {
	changed := b.changed
	b.mu.Unlock()
	select {
	case <-changed:
	case <-ctx.Done():
	}
	b.mu.Lock()
}

// awaitLoss lets Receive have what the endpoint still holds after a write has
// failed: until it says that there is no more, or gets nothing for a while.
func (b *Buffer) awaitLoss(ctx context.Context) {
	for b.lost == nil && ctx.Err() == nil {
		received := b.received.Load()
		some, cancel := context.WithTimeout(ctx, b.o.CloseTimeout)
		for b.lost == nil && some.Err() == nil {
			b.wait(some)
		}
		cancel()
		if b.received.Load() == received {
			return
		}
	}
}

// cancelWhenLost ends what is being sent when Receive says that the endpoint is lost.
func (b *Buffer) cancelWhenLost(ctx context.Context, cancel context.CancelFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.lost == nil && ctx.Err() == nil {
		b.wait(ctx)
	}
	cancel()
}

// atOnce bounds how many messages are under way at a time.
const atOnce = 256

// sendKept sends some of what is kept. The caller holds b.mu, which is let go
// meanwhile; nobody else touches the messages held.
func (b *Buffer) sendKept(ctx context.Context, to *sender) error {
	b.held = min(b.n, atOnce)
	ring, first, n := b.ring, b.first+b.written, b.held
	b.mu.Unlock()
	before := to.written()
	queued, err := 0, error(nil)
	for ; queued < n && err == nil; queued++ {
		err = to.Queue(ctx, ring[(first+queued)%len(ring)])
	}
	if err != nil {
		queued-- // the last was not taken
	}
	if failed := to.Flush(ctx); failed != nil {
		err = failed
	}
	b.mu.Lock()
	b.held = 0
	switch {
	case b.fate != nil:
		b.handOver(queued)
		b.proven()
	case err == nil, refused(err):
		b.stats.Sent += uint64(queued)
		b.unkeep(queued)
	case to.stats == nil || to.written() != before:
		b.stats.Uncertain += uint64(queued)
		b.unkeep(queued)
	}
	b.change()
	return err
}

// unkeep takes the first n messages that wait off the ring. None are written.
func (b *Buffer) unkeep(n int) {
	b.pop(n)
	b.n -= n
	b.again -= min(b.again, n)
}

// handOver counts the first n messages that wait as written.
func (b *Buffer) handOver(n int) {
	b.n -= n
	b.written += n
	again := min(b.again, n)
	b.again -= again
	b.stats.Again += uint64(again)
	b.handed += uint64(n)
	b.stats.Sent += uint64(n)
	if b.written > maxWritten {
		b.forget(b.written - maxWritten)
	}
}

// forget gives up the first n messages that are written: they cannot be sent again.
func (b *Buffer) forget(n int) {
	b.pop(n)
	b.written -= n
}

// proven gives up what needs to be kept no more, and returns what is known of the
// messages that the endpoint took.
func (b *Buffer) proven() core.Fate {
	f := b.fate()
	f.Sent = min(f.Sent-min(f.Sent, b.fateBefore), b.handed)
	f.Proven = min(f.Proven-min(f.Proven, b.fateBefore), f.Sent)
	if forgotten := b.handed - uint64(b.written); f.Proven > forgotten {
		b.forget(int(f.Proven - forgotten))
	}
	return f
}

// account takes stock of an endpoint that has been closed. What has certainly not left
// waits again, and with again so does what may have arrived. The rest is counted.
func (b *Buffer) account(again bool) {
	if b.fate == nil {
		return
	}
	f := b.proven()
	b.fate = nil
	kept := uint64(b.written)
	b.stats.Sent -= b.handed - f.Proven
	unsent, unknown := b.handed-f.Sent, f.Sent-f.Proven
	if lost := unsent - min(unsent, kept); lost > 0 { // what was not kept
		b.stats.Dropped += lost
		unsent -= lost
	}
	if again {
		here := min(unknown, kept-unsent)
		unknown -= here
		b.again += int(here)
	} else {
		b.forget(int(kept - unsent))
	}
	b.stats.Uncertain += unknown
	b.n += b.written
	b.written = 0
}

// refused reports whether err is about a message, and the endpoint is as it was.
func refused(err error) bool {
	var invalid *core.InvalidUTF8Error
	return errors.Is(err, core.ErrBinary) || errors.As(err, &invalid)
}

// sender sends to an endpoint in batches where it has them.
type sender struct {
	relay.Batcher
	stats func() core.Stats // nil: not known
}

func newSender(e relay.Endpoint) *sender {
	s := &sender{}
	if c, ok := e.(interface{ Stats() core.Stats }); ok {
		s.stats = c.Stats
	}
	if b, ok := e.(relay.Batcher); ok {
		s.Batcher = b
	} else if c, ok := e.(*core.Conn); ok {
		s.Batcher = c.Batch()
	} else {
		s.Batcher = single{e}
	}
	return s
}

// written returns how many bytes have left, where that is known.
func (s *sender) written() uint64 {
	if s.stats == nil {
		return 0
	}
	return s.stats().BytesOut
}

// single is a Batcher that sends each message by itself.
type single struct{ relay.Endpoint }

func (s single) Queue(ctx context.Context, m core.Message) error { return s.Send(ctx, m) }
func (s single) Flush(context.Context) error                     { return nil }
