package natsconn

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// queued is a connection whose Write does not wait for the network: a server of NATS that
// takes nothing would hold up whoever publishes, subscribes or closes, since package nats
// does all of that with one lock held. What waits is bounded by who writes, see Options.Waiting.
type queued struct {
	net.Conn
	waiting *atomic.Int64

	mu   sync.Mutex
	more sync.Cond // of mu: there is something to write, or the end
	buf  []byte
	err  error // of the first Write that failed, or net.ErrClosed
	done sync.WaitGroup
}

func newQueued(conn net.Conn, waiting *atomic.Int64) *queued {
	q := &queued{Conn: conn, waiting: waiting}
	q.more.L = &q.mu
	q.done.Go(q.run)
	return q
}

// Write takes a copy of b.
func (q *queued) Write(b []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return 0, q.err
	}
	q.buf = append(q.buf, b...)
	q.waiting.Add(int64(len(b)))
	q.more.Signal()
	return len(b), nil
}

// run writes what waits until the end.
func (q *queued) run() {
	q.mu.Lock()
	defer q.mu.Unlock()
	var spare []byte
	for {
		for len(q.buf) == 0 && q.err == nil {
			q.more.Wait()
		}
		if q.err != nil {
			q.waiting.Add(-int64(len(q.buf)))
			q.buf = nil
			return
		}
		out := q.buf
		q.buf = spare[:0]
		q.mu.Unlock()
		n, err := q.Conn.Write(out)
		if err == nil && n < len(out) {
			err = io.ErrShortWrite
		}
		q.waiting.Add(-int64(len(out)))
		q.mu.Lock()
		if spare = out; cap(spare) > spareMost {
			spare = nil
		}
		if err != nil && q.err == nil {
			q.err = err
			q.Conn.Close() // who reads is told
		}
	}
}

// spareMost is how many bytes of memory are kept for what is to be written.
const spareMost = 64 << 10

// Close drops what waits and ends what is being written.
func (q *queued) Close() error {
	q.mu.Lock()
	if q.err == nil {
		q.err = net.ErrClosed
	}
	q.more.Signal()
	q.mu.Unlock()
	err := q.Conn.Close()
	q.done.Wait()
	return err
}
