package relay

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/ws76/ws76/core"
)

// lane is one direction of a session: the right to send to its endpoint, and the
// outbox of what hooks made for it while they saw messages of the other
// direction (or, in [Session.Do], none).
//
// The order of a lane is the order of emission, and all emission happens under
// Session.hooks. Whoever pushes takes the turn first and then runs the hooks, so
// what lies in the outbox when they are done is older than what they emitted,
// and what comes in later is newer.
type lane struct {
	side Side // that this lane leads to
	to   *end

	turn chan struct{} // holds one token while somebody has the right to send

	// Of whoever has the turn.
	home     batch // emitted by the hooks of the push that has the turn
	taken    batch // of the outbox, being delivered
	batched  bool  // the endpoint has a batch, until the next flush
	messages int64 // in it
	data     int64 // bytes of those
	failed   error // a *SideError: the endpoint refused a message, nothing follows it

	mu       sync.Mutex // below Session.hooks; never held while something waits
	out      batch      // the outbox, without what was taken
	waiting  int        // messages in out and in taken, not yet delivered
	bytes    int64      // of those
	draining bool       // somebody delivers the outbox, or is about to
	sealed   bool       // the endpoint is being closed: what is emitted now is dropped and counted

	received, receivedBytes   atomic.Int64
	delivered, deliveredBytes atomic.Int64
	dropped                   atomic.Int64
}

// take waits for the turn.
func (l *lane) take(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		return nil
	default:
	}
	select {
	case l.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// tryTake takes the turn if nobody has it.
func (l *lane) tryTake() bool {
	select {
	case l.turn <- struct{}{}:
		return true
	default:
		return false
	}
}

func (l *lane) leave() { <-l.turn }

// put copies m into the outbox and reports whether someone is to be started who
// delivers it. The caller holds Session.hooks.
func (l *lane) put(m core.Message, o *Options) (start bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sealed {
		l.dropped.Add(1)
		return false, nil
	}
	if l.waiting >= o.MaxOutbox || int64(len(m.Data)) > o.MaxOutboxBytes-l.bytes {
		return false, &OutboxError{Side: l.side, Messages: l.waiting, Bytes: l.bytes, Size: len(m.Data)}
	}
	l.waiting++
	l.bytes += int64(len(m.Data))
	l.out.copy(m)
	start = !l.draining
	l.draining = true
	return start, nil
}

// empty moves the outbox to taken. The caller has the turn and taken is empty.
func (l *lane) empty() {
	l.mu.Lock()
	if len(l.out.msgs) > 0 {
		l.out, l.taken = l.taken, l.out
	}
	l.mu.Unlock()
}

// seal makes what is emitted from now on be dropped and counted.
func (l *lane) seal() {
	l.mu.Lock()
	l.sealed = true
	l.mu.Unlock()
}

// queue hands m to the endpoint. The caller has the turn.
func (l *lane) queue(ctx context.Context, m core.Message) error {
	if l.failed != nil {
		l.dropped.Add(1)
		return l.failed
	}
	var err error
	if l.to.batch != nil {
		l.batched = true
		err = l.to.batch.Queue(ctx, m)
	} else {
		err = l.to.Send(ctx, m)
	}
	if err != nil {
		l.dropped.Add(1)
		return l.fail(ctx, err)
	}
	l.messages++
	l.data += int64(len(m.Data))
	if !l.batched {
		l.count(nil)
	}
	return nil
}

// flush sends what was queued. The caller has the turn.
func (l *lane) flush(ctx context.Context) error {
	if !l.batched || l.failed != nil {
		return l.failed
	}
	if err := l.flushBatch(ctx); err != nil {
		return l.fail(ctx, err)
	}
	return nil
}

func (l *lane) flushBatch(ctx context.Context) error {
	l.batched = false
	err := l.to.batch.Flush(ctx)
	l.count(err)
	return err
}

// count counts what was queued as delivered, or with err as dropped.
func (l *lane) count(err error) {
	if err != nil {
		l.dropped.Add(l.messages)
	} else {
		l.delivered.Add(l.messages)
		l.deliveredBytes.Add(l.data)
	}
	l.messages, l.data = 0, 0
}

// fail ends the lane: part of a message may have left, so nothing may follow.
// What was queued before it is not to blame; and a batch lets go with its Flush.
func (l *lane) fail(ctx context.Context, err error) error {
	if l.batched {
		l.flushBatch(ctx)
	}
	if cause := context.Cause(ctx); cause == errAbandoned {
		err = cause
	}
	l.failed = &SideError{Side: l.side, Op: OpSend, Err: err}
	return l.failed
}

// queueTaken hands over what was taken of the outbox.
func (l *lane) queueTaken(ctx context.Context) error {
	var err error
	for _, m := range l.taken.msgs {
		err = l.queue(ctx, m)
		l.mu.Lock()
		l.waiting--
		l.bytes -= int64(len(m.Data))
		l.mu.Unlock()
	}
	l.taken.reset()
	return err
}

// queueHome hands over what the hooks of the push at hand emitted.
func (l *lane) queueHome(ctx context.Context) error {
	var err error
	for _, m := range l.home.msgs {
		err = l.queue(ctx, m)
	}
	l.home.reset()
	return err
}

// batch is messages in order, some of them copies in an arena of its own.
type batch struct {
	msgs  []core.Message
	arena []byte // its length is what the copies use; earlier, smaller arenas live on in msgs
}

const (
	maxIdleArena    = 64 << 10 // an arena over this is not kept for the next batch
	maxIdleMessages = 1 << 10
)

// borrow adds m, whose data outlives the batch.
func (b *batch) borrow(m core.Message) { b.msgs = append(b.msgs, m) }

// copy adds a copy of m.
func (b *batch) copy(m core.Message) {
	n := len(m.Data)
	if n > cap(b.arena)-len(b.arena) {
		b.arena = make([]byte, 0, max(n, min(2*cap(b.arena), maxIdleArena), 512))
	}
	at := len(b.arena)
	b.arena = append(b.arena, m.Data...)
	m.Data = b.arena[at : at+n : at+n]
	b.msgs = append(b.msgs, m)
}

func (b *batch) reset() {
	clear(b.msgs)
	b.msgs, b.arena = b.msgs[:0], b.arena[:0]
	if cap(b.arena) > maxIdleArena {
		b.arena = nil
	}
	if cap(b.msgs) > maxIdleMessages {
		b.msgs = nil
	}
}
