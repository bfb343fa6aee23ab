package broker

import (
	"context"
	"sync"
)

// Queue holds what has come in until it is received. Any goroutine may put things in, one at a time takes them out.
type Queue[T any] struct {
	max      int
	maxBytes int64

	mu      sync.Mutex
	entries []entry[T]
	next    int // first entry that is left
	bytes   int64
	closed  error
	arrived chan struct{} // holds one while there may be something to take
	room    Change        // something was taken
}

type entry[T any] struct {
	value T
	bytes int64
}

// NewQueue returns a queue for max entries and maxBytes.
func NewQueue[T any](max int, maxBytes int64) *Queue[T] {
	return &Queue[T]{max: max, maxBytes: maxBytes, arrived: make(chan struct{}, 1)}
}

// Offer adds v of the given size and reports whether there was room. An empty queue has room for anything.
func (q *Queue[T]) Offer(v T, bytes int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.offer(v, int64(bytes))
}

func (q *Queue[T]) offer(v T, bytes int64) bool {
	n := len(q.entries) - q.next
	if q.closed != nil || n > 0 && (n >= q.max || q.bytes+bytes > q.maxBytes) {
		return false
	}
	if q.next > 64 && q.next > n {
		left := copy(q.entries, q.entries[q.next:])
		clear(q.entries[left:])
		q.entries, q.next = q.entries[:left], 0
	}
	q.entries = append(q.entries, entry[T]{v, bytes})
	q.bytes += bytes
	signal(q.arrived)
	return true
}

// Put adds v once there is room. It returns the cause of ctx, or the queue's error.
func (q *Queue[T]) Put(ctx context.Context, v T, bytes int) error {
	for {
		q.mu.Lock()
		if added := q.offer(v, int64(bytes)); added || q.closed != nil {
			defer q.mu.Unlock()
			return q.closed
		}
		room := q.room.Next()
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Take removes the first entry, if there is one.
func (q *Queue[T]) Take() (v T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.next == len(q.entries) {
		return v, false
	}
	first := &q.entries[q.next]
	v = first.value
	q.bytes -= first.bytes
	*first = entry[T]{}
	if q.next++; q.next == len(q.entries) {
		q.entries, q.next = q.entries[:0], 0
	}
	q.room.Tell()
	return v, true
}

// Wait returns when Take may have something, with the cause of ctx when that ends,
// and with the queue's error when it is closed.
func (q *Queue[T]) Wait(ctx context.Context) error {
	for {
		q.mu.Lock()
		n, closed := len(q.entries)-q.next, q.closed
		q.mu.Unlock()
		if closed != nil {
			return closed
		}
		if n > 0 {
			return nil
		}
		select {
		case <-q.arrived:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Drain returns when all has been taken, or will not be, and at the latest when ctx ends.
func (q *Queue[T]) Drain(ctx context.Context) {
	for {
		q.mu.Lock()
		if q.next == len(q.entries) || q.closed != nil {
			q.mu.Unlock()
			return
		}
		room := q.room.Next()
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return
		}
	}
}

// Len returns how many entries there are.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.entries) - q.next
}

// Close ends the queue with an error and returns what was left in it. The first error stays.
func (q *Queue[T]) Close(err error) []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed != nil {
		return nil
	}
	q.closed = err
	var left []T
	for _, e := range q.entries[q.next:] {
		left = append(left, e.value)
	}
	q.entries, q.next, q.bytes = nil, 0, 0
	signal(q.arrived)
	q.room.Tell()
	return left
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
