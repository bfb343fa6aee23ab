package hub

import (
	"context"
	"fmt"
	"net"
	"sync"

	"github.com/ws76/ws76/core"
)

// Bounds of an Endpoint's queue where an option says nothing.
const (
	DefaultQueue      = 1024
	DefaultQueueBytes = 16 << 20
)

// EndpointOptions of an Endpoint.
type EndpointOptions struct {
	JoinOptions
	// WriteOnly gets nothing.
	WriteOnly bool
	// Queue and QueueBytes bound what waits to be received; one message is taken
	// whatever its size. 0: DefaultQueue, DefaultQueueBytes.
	Queue      int
	QueueBytes int
	// Slow says what becomes of messages beyond that.
	Slow core.Slow
	// GivenUp is called when too much waits for all and this endpoint is given up, after
	// which Receive returns an error that wraps ErrSlow. It must not wait. nil: nothing is.
	GivenUp func()
}

// Endpoint is a member of a channel as an endpoint of a relay session: Receive
// returns what the channel has for it, Send publishes.
type Endpoint struct {
	o      EndpointOptions
	member *Member

	mu      sync.Mutex
	queue   []queued
	count   int // messages in queue
	bytes   int
	taken   *core.Shared // of the message that was received last
	free    bool         // what is in queue is not held any more
	dropped uint64
	err     error         // what Receive returns once the queue is empty
	arrived chan struct{} // holds one while there may be something new

	publishing sync.Mutex
	left       bool
}

// queued is the messages of a batch from next on, up to end.
type queued struct {
	b         *core.Shared
	next, end int
}

// Endpoint joins a channel as an endpoint. Errors are those of Join.
func (h *Hub) Endpoint(name string, o EndpointOptions) (*Endpoint, error) {
	if o.Queue <= 0 {
		o.Queue = DefaultQueue
	}
	if o.QueueBytes <= 0 {
		o.QueueBytes = DefaultQueueBytes
	}
	e := &Endpoint{o: o, arrived: make(chan struct{}, 1)}
	var sub Subscriber = e
	if o.WriteOnly {
		sub = nil
	}
	member, err := h.Join(name, sub, o.JoinOptions)
	if err != nil {
		return nil, err
	}
	e.member = member
	return e, nil
}

// Deliver puts a batch into the queue; the channel calls it.
func (e *Endpoint) Deliver(b *core.Shared) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return
	}
	b.Hold()
	e.queue = append(e.queue, queued{b, 0, b.Len()})
	e.count += b.Len()
	e.bytes += b.Size()
	for e.count > 1 && (e.count > e.o.Queue || e.bytes > e.o.QueueBytes) {
		if e.o.Slow == core.CloseSlow {
			e.err = fmt.Errorf("%w: %d messages wait", ErrSlow, e.count)
			break
		}
		e.drop()
	}
	select {
	case e.arrived <- struct{}{}:
	default:
	}
}

// drop leaves out one message by the policy.
func (e *Endpoint) drop() {
	e.dropped++
	if e.o.Slow == core.DropOldest {
		e.take()
		return
	}
	last := &e.queue[len(e.queue)-1]
	last.end--
	e.count--
	e.bytes -= len(last.b.Message(last.end).Data)
	if last.next == last.end {
		e.release(last)
		e.queue = e.queue[:len(e.queue)-1]
	}
}

// take removes the first message.
func (e *Endpoint) take() core.Message {
	first := &e.queue[0]
	m := first.b.Message(first.next)
	e.count--
	e.bytes -= len(m.Data)
	if first.next++; first.next == first.end {
		e.release(first)
		e.queue = e.queue[1:]
	}
	return m
}

// Receive returns the next message of the channel, or the cause of ctx, an error
// that wraps net.ErrClosed after Close, or one that wraps ErrSlow.
func (e *Endpoint) Receive(ctx context.Context) (core.Message, error) {
	for {
		e.mu.Lock()
		e.taken.Release()
		e.taken = nil
		if e.count > 0 {
			if !e.free {
				e.taken = e.queue[0].b
				e.taken.Hold()
			}
			m := e.take()
			e.mu.Unlock()
			return m, nil
		}
		err := e.err
		e.mu.Unlock()
		if err != nil {
			return core.Message{}, err
		}
		select {
		case <-e.arrived:
		case <-ctx.Done():
			return core.Message{}, context.Cause(ctx)
		}
	}
}

// Ready reports whether the next Receive does not wait.
func (e *Endpoint) Ready() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.count > 0 || e.err != nil
}

// Dropped returns how many messages the queue had no room for.
func (e *Endpoint) Dropped() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.dropped
}

// Queued returns how many messages wait to be received.
func (e *Endpoint) Queued() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.count
}

// Send publishes m.
func (e *Endpoint) Send(ctx context.Context, m core.Message) error {
	if err := e.Queue(ctx, m); err != nil {
		return err
	}
	return e.Flush(ctx)
}

// Queue has m published with the next Flush, or before when there is much. It never
// waits.
func (e *Endpoint) Queue(_ context.Context, m core.Message) error {
	e.publishing.Lock()
	defer e.publishing.Unlock()
	if e.left {
		return errLeft
	}
	if err := e.member.Queue(m); err != nil {
		return err
	}
	if b := e.member.pending; b.Len() >= gathered || b.Size() >= gatheredBytes {
		e.member.Flush()
	}
	return nil
}

// What Queue lets wait for a Flush, about.
const (
	gathered      = 256
	gatheredBytes = 64 << 10
)

// Flush publishes what was queued. A backplane that fails ends no session: see
// Options.Failed.
func (e *Endpoint) Flush(context.Context) error {
	e.publishing.Lock()
	defer e.publishing.Unlock()
	if e.left {
		return errLeft
	}
	e.member.Flush()
	return nil
}

var errLeft = fmt.Errorf("hub: the endpoint has left its channel: %w", net.ErrClosed)

// Close leaves the channel. What has arrived can still be received.
func (e *Endpoint) Close(context.Context) error {
	e.publishing.Lock()
	defer e.publishing.Unlock()
	if e.left {
		return nil
	}
	e.left = true
	e.member.Leave()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.letGo()
	if e.err == nil {
		e.err = errLeft
	}
	select {
	case e.arrived <- struct{}{}:
	default:
	}
	return nil
}

// release is for what is taken from the queue.
func (e *Endpoint) release(q *queued) {
	if !e.free {
		q.b.Release()
	}
	*q = queued{}
}

// letGo holds nothing any more. The caller has the lock.
func (e *Endpoint) letGo() {
	e.taken.Release()
	e.taken = nil
	if !e.free {
		for i := range e.queue {
			e.queue[i].b.Release()
		}
	}
	e.free = true
}

// Waits is a Waiter's.
func (e *Endpoint) Waits() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.taken != nil {
		return e.bytes + e.taken.Size()
	}
	return e.bytes
}

// GiveUp is a Waiter's.
func (e *Endpoint) GiveUp() {
	e.mu.Lock()
	e.letGo()
	e.queue, e.count, e.bytes = nil, 0, 0
	if e.err == nil {
		e.err = fmt.Errorf("%w, and too much waits for all", ErrSlow)
	}
	select {
	case e.arrived <- struct{}{}:
	default:
	}
	e.mu.Unlock()
	if e.o.GivenUp != nil {
		e.o.GivenUp()
	}
}

// Nonblocking says that sending never waits.
func (e *Endpoint) Nonblocking() bool { return true }
