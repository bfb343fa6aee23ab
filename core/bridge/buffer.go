package bridge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/rfc6455"
)

// DefaultBufferBytes is how many bytes a Buffer keeps where nothing else is said.
const DefaultBufferBytes = 64 << 20

// BufferOptions of a Buffer.
type BufferOptions struct {
	// Size is how many messages are kept at most, and Bytes how many bytes of
	// them; 0 is DefaultBufferBytes.
	Size  int
	Bytes int64
	// Dial opens the other side anew. It is called by one goroutine at a time.
	Dial func(ctx context.Context) (relay.Endpoint, error)
	// Retries are those after an endpoint was lost, or could not be opened at first.
	Retries Retries
	// CloseTimeout bounds the closing of a lost endpoint. 0 is 2 s.
	CloseTimeout time.Duration
	// Redeliver sends again what was written to an endpoint that was lost and is not
	// proven to have been read: at least once, in order.
	Redeliver bool
	// Final reports whether an endpoint that ended with err is not to be opened
	// again. nil is [Final].
	Final func(err error) bool
	// Note is told what happens, from the goroutines of the Buffer; it must not
	// block. nil is fine.
	Note func(BufferEvent)
}

// BufferEvent is what happened to the endpoint behind a Buffer.
type BufferEvent struct {
	// Err is why it was lost or could not be opened. nil: it is open again.
	Err error
	// Pause is how long it takes until the next attempt.
	Pause time.Duration
	// Waiting is how many messages are kept to be sent, Again how many of those were
	// sent before and may have arrived.
	Waiting, Again int
	Stats          BufferStats
}

// BufferStats count the messages of a Buffer.
type BufferStats struct {
	// Sent were handed over to an endpoint, and nothing speaks against their arrival.
	Sent uint64
	// Dropped were kept and had to make room for newer ones.
	Dropped uint64
	// Uncertain were written to an endpoint that broke: it is not known which of them
	// arrived. They are not sent again.
	Uncertain uint64
	// Again were written to an endpoint that broke, and to another behind it: they may
	// have arrived twice.
	Again uint64
	// Unsent were still kept when the Buffer was closed.
	Unsent uint64
	// Opened counts the endpoints, the first among them.
	Opened uint64
}

// Lost is how many messages were taken and certainly not handed over.
func (s BufferStats) Lost() uint64 { return s.Dropped + s.Unsent }

// Final reports whether err, of an endpoint, says that nothing more is to be said: a
// close of RFC 6455 for a reason that opening again does not mend. That a server goes
// away (1001, 1012, 1013), or says no reason, is mended by the next one; drafts 75 and
// 76 have no reasons.
func Final(err error) bool {
	var end *core.CloseError
	if !errors.As(err, &end) || !end.Clean {
		return false
	}
	switch code := end.Code; {
	case code == rfc6455.CodeNormal, code == rfc6455.CodeProtocolError, code == rfc6455.CodeUnsupportedData,
		code >= rfc6455.CodeInvalidPayload && code <= rfc6455.CodeMandatoryExtension, code >= 3000:
		return true
	}
	return false
}

// Buffer is an endpoint of a session behind which there is another one, which is
// opened again whenever it is lost. Messages to it are kept meanwhile, the newest
// Size of them. While it is there, a full Buffer makes the sender wait.
//
// What is handed over to a connection is kept until it is proven to have been read, see
// [core.Fate], within Bytes. When the connection breaks, what never left this machine is
// sent on the next, and of the rest it is not known whether it arrived: that is counted,
// or sent again where BufferOptions.Redeliver says so. An endpoint of another kind is
// taken at its word.
type Buffer struct {
	o BufferOptions

	ctx    context.Context // ends when the Buffer is closed for good
	cancel context.CancelFunc
	done   chan struct{} // closed when run has ended

	received atomic.Uint64

	mu      sync.Mutex
	changed chan struct{}  // closed and made anew whenever something a waiter waits for changes
	current relay.Endpoint // nil: none now
	lost    error          // what Receive says of current; set by it
	closing bool           // no more is taken; what is kept is sent
	end     error          // run has given up, or met a final end
	ended   *core.CloseError
	stats   BufferStats

	// The ring: from first on written messages that are not proven to be read, and n
	// that wait.
	ring       []core.Message
	first, n   int
	written    int
	bytes      int64            // of both
	held       int              // of those that wait, being sent
	again      int              // of those that wait, were written before: the first
	handed     uint64           // messages that current took
	fate       func() core.Fate // of current, from before on; nil: it has none
	fateBefore uint64
}

// maxWritten bounds how many messages are kept once they are written.
const maxWritten = 64 << 10

// NewBuffer returns a Buffer over first, which is open, or over what is still to be
// opened where that is nil. It lasts until Close.
func NewBuffer(first relay.Endpoint, o BufferOptions) *Buffer {
	o.Size = max(o.Size, 1)
	if o.Bytes <= 0 {
		o.Bytes = DefaultBufferBytes
	}
	if o.CloseTimeout <= 0 {
		o.CloseTimeout = 2 * time.Second
	}
	if o.Final == nil {
		o.Final = Final
	}
	if o.Note == nil {
		o.Note = func(BufferEvent) {}
	}
	b := &Buffer{o: o, done: make(chan struct{}), changed: make(chan struct{}), current: first}
	if first != nil {
		b.stats.Opened = 1
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	go b.run(first)
	return b
}

// change wakes whoever waits. The caller holds b.mu.
func (b *Buffer) change() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// Stats returns the counts as they are now.
func (b *Buffer) Stats() BufferStats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stats
}

// Ended returns how the endpoint behind the Buffer has ended for good, where it was
// a connection, and nil otherwise.
func (b *Buffer) Ended() *core.CloseError {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ended
}

// Receive returns the next message of the endpoint that is there, or of the next one.
func (b *Buffer) Receive(ctx context.Context) (core.Message, error) {
	for {
		b.mu.Lock()
		current, changed, end := b.current, b.changed, b.end
		if b.lost != nil {
			current = nil
		}
		b.mu.Unlock()
		if end != nil {
			return core.Message{}, end
		}
		if current == nil {
			select {
			case <-changed:
			case <-ctx.Done():
				return core.Message{}, context.Cause(ctx)
			}
			continue
		}
		m, err := current.Receive(ctx)
		if err == nil {
			b.received.Add(1)
			return m, nil
		}
		if ctx.Err() != nil {
			return m, err
		}
		b.mu.Lock()
		if b.current == current && b.lost == nil {
			b.lost = err
			b.change()
		}
		if b.lost != nil && b.end == nil && b.ctx.Err() != nil {
			b.finish(b.lost) // no other will be opened
		}
		b.mu.Unlock()
	}
}

// Send keeps m until the endpoint takes it.
func (b *Buffer) Send(ctx context.Context, m core.Message) error { return b.Queue(ctx, m) }

// Flush does nothing: what is kept is sent as soon as can be.
func (b *Buffer) Flush(context.Context) error { return nil }

// Queue is Send.
func (b *Buffer) Queue(ctx context.Context, m core.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		if b.end != nil {
			return b.end
		}
		if b.closing {
			return core.ErrClosing
		}
		if b.fits(m) {
			b.keep(m)
			return nil
		}
		if b.current == nil && b.n > b.held && b.written == 0 {
			b.drop()
			continue
		}
		if b.n < b.o.Size && b.written > 0 && b.held == 0 {
			b.forget(1) // there is no room for both
			continue
		}
		if int64(len(m.Data)) > b.o.Bytes {
			return fmt.Errorf("%w: %d bytes do not fit into a buffer of %d", core.ErrMessageTooLarge, len(m.Data), b.o.Bytes)
		}
		b.wait(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

func (b *Buffer) fits(m core.Message) bool {
	return b.n < b.o.Size && int64(len(m.Data)) <= b.o.Bytes-b.bytes
}

// maxIdleSlot bounds what a slot of the ring keeps for the next message in it.
const maxIdleSlot = 4 << 10

// keep copies m into the ring. Its data goes where that of an earlier one was.
func (b *Buffer) keep(m core.Message) {
	all := b.written + b.n
	if all == len(b.ring) {
		// Grown as needed: a limit of a million costs nothing until it is used.
		ring := make([]core.Message, max(16, 2*len(b.ring)))
		for i := range all {
			ring[i] = b.ring[(b.first+i)%len(b.ring)]
		}
		b.ring, b.first = ring, 0
	}
	slot := &b.ring[(b.first+all)%len(b.ring)]
	data := append(slot.Data[:0], m.Data...)
	*slot = m
	slot.Data = data
	b.bytes += int64(len(data))
	if b.n++; b.n == b.held+1 {
		b.change()
	}
}

// drop makes room by the oldest message that waits. Nothing is written.
func (b *Buffer) drop() {
	b.pop(1)
	b.n--
	if b.again > 0 {
		b.again--
		b.stats.Uncertain++
	} else {
		b.stats.Dropped++
	}
}

// pop takes n messages off the ring.
func (b *Buffer) pop(n int) {
	for range n {
		slot := &b.ring[b.first]
		b.bytes -= int64(len(slot.Data))
		if slot.Data = slot.Data[:0]; cap(slot.Data) > maxIdleSlot {
			slot.Data = nil
		}
		b.first = (b.first + 1) % len(b.ring)
	}
}

// Close sends what is kept, as long as ctx lasts, and closes the endpoint. What is
// left then is counted.
func (b *Buffer) Close(ctx context.Context) error { return b.CloseWith(ctx, rfc6455.CodeNormal, "") }

// CloseWith is Close with a code and a reason of RFC 6455 for the endpoint.
func (b *Buffer) CloseWith(ctx context.Context, code int, reason string) error {
	current := b.drain(ctx)
	var err error
	if current != nil {
		err = closeWith(ctx, current, code, reason) // Receive has what comes until then
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.account(false)
	b.stats.Unsent += uint64(b.n) // in vain
	b.n, b.bytes, b.ring = 0, 0, nil
	b.current = nil
	if b.end == nil {
		b.end = net.ErrClosed
	}
	b.change()
	return err
}

// SendClose sends what is kept, as long as ctx lasts, and that nothing follows. Receive
// then has what the endpoint still says, until it ends.
func (b *Buffer) SendClose(ctx context.Context, code int, reason string) error {
	if half, ok := b.drain(ctx).(relay.HalfCloser); ok {
		return half.SendClose(ctx, code, reason)
	}
	return b.CloseWith(ctx, code, reason)
}

// drain sends what is kept, as long as ctx lasts, counts what is left then and returns
// the endpoint, nil where there is none. No other will be opened.
func (b *Buffer) drain(ctx context.Context) relay.Endpoint {
	b.mu.Lock()
	b.closing = true
	b.change()
	for b.n > 0 && b.end == nil && ctx.Err() == nil {
		b.wait(ctx)
	}
	b.mu.Unlock()
	b.cancel()
	<-b.done
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stats.Unsent += uint64(b.n - b.again)
	b.stats.Uncertain += uint64(b.again)
	b.n, b.again = 0, 0
	if b.lost != nil && b.end == nil {
		b.finish(b.lost)
	}
	return b.current
}

func closeWith(ctx context.Context, e relay.Endpoint, code int, reason string) error {
	if c, ok := e.(interface {
		CloseWith(context.Context, int, string) error
	}); ok {
		return c.CloseWith(ctx, code, reason)
	}
	return e.Close(ctx)
}

// run sends to one endpoint after the other until the Buffer is closed.
func (b *Buffer) run(current relay.Endpoint) {
	defer close(b.done)
	for {
		var err error
		if current != nil {
			err = b.feed(current)
			if b.ctx.Err() != nil {
				return // Close takes over
			}
			b.discard(current)
			if b.o.Final(err) || refused(err) {
				b.giveUp(err)
				return
			}
		}
		if current, err = b.reopen(err); err != nil {
			b.giveUp(err)
			return
		}
		b.mu.Lock()
		b.current, b.lost = current, nil
		b.stats.Opened++
		b.change()
		b.mu.Unlock()
		b.note(nil, 0)
	}
}

// reopen dials until it succeeds, or gives up. lost is why it has to; nil: there was
// nothing before.
func (b *Buffer) reopen(lost error) (relay.Endpoint, error) {
	retries := b.o.Retries
	for {
		if lost != nil {
			pause, err := retries.Failed(lost)
			if err != nil {
				return nil, err
			}
			b.note(lost, pause)
			select {
			case <-time.After(pause):
			case <-b.ctx.Done():
				return nil, context.Cause(b.ctx)
			}
		}
		current, err := b.o.Dial(b.ctx)
		switch {
		case err == nil:
			return current, nil
		case b.ctx.Err() != nil:
			return nil, context.Cause(b.ctx)
		}
		lost = err
	}
}

func (b *Buffer) note(err error, pause time.Duration) {
	b.mu.Lock()
	event := BufferEvent{Err: err, Pause: pause, Waiting: b.n, Again: b.again, Stats: b.stats}
	b.mu.Unlock()
	b.o.Note(event)
}

// discard closes an endpoint that was lost.
func (b *Buffer) discard(e relay.Endpoint) {
	b.mu.Lock()
	b.current = nil
	b.change()
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(b.ctx, b.o.CloseTimeout)
	defer cancel()
	e.Close(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.account(b.o.Redeliver)
	for b.n > b.o.Size {
		b.drop()
	}
	b.change()
}

// giveUp is finish for those who do not hold b.mu.
func (b *Buffer) giveUp(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.finish(err)
}

// finish ends the Buffer for good. The caller holds b.mu.
func (b *Buffer) finish(err error) {
	b.end = err
	errors.As(err, &b.ended)
	b.change()
}
