package wifly

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// lineBuffer is how much may have arrived and not been taken. Without flow control
// what the system cannot keep is lost, so the line is read all the time.
const lineBuffer = 256 << 10

// A line is the UART: a goroutine reads it until it fails or is closed, through a
// filter while a stream is on it. One consumer takes what has arrived.
type line struct {
	port net.Conn
	baud int // 0 where it is not known

	mu     sync.Mutex
	buf    []byte
	filter *filter // nil in command mode
	err    error   // the port failed; what is in buf came before that

	arrived chan struct{} // capacity 1: something of the above has changed
	room    chan struct{} // capacity 1: buf has become shorter
	once    sync.Once
	closing chan struct{}
	done    chan struct{} // the goroutine has ended
	free    time.Time     // when all that was written has left the wire, reckoned
}

func newLine(port net.Conn, baud int) *line {
	l := &line{
		port: port, baud: baud,
		arrived: make(chan struct{}, 1), room: make(chan struct{}, 1),
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	go l.pump()
	return l
}

// close closes the port and waits for the goroutine. The second call does nothing.
func (l *line) close() (err error) {
	l.once.Do(func() {
		close(l.closing)
		err = l.port.Close()
		<-l.done
	})
	return err
}

func (l *line) pump() {
	defer close(l.done)
	block := make([]byte, 4096)
	for {
		n, err := l.port.Read(block)
		l.mu.Lock()
		switch {
		case n > 0 && l.filter != nil:
			l.buf = l.filter.feed(l.buf, block[:n])
		case n > 0:
			l.buf = append(l.buf, block[:n]...)
		case errors.Is(err, os.ErrDeadlineExceeded) && l.filter != nil:
			l.buf = l.filter.quiet(l.buf)
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			if l.filter != nil {
				l.buf = l.filter.quiet(l.buf)
			}
			l.err = &Error{Kind: ErrUnplugged, Doing: "read " + l.port.LocalAddr().String(), Err: err, Hint: hints[ErrUnplugged]}
		}
		failed, full := l.err != nil, len(l.buf) >= lineBuffer
		l.watchQuiet()
		l.mu.Unlock()
		notify(l.arrived)
		if failed {
			return
		}
		for full {
			select {
			case <-l.room:
			case <-l.closing:
				return
			}
			l.mu.Lock()
			full = len(l.buf) >= lineBuffer
			l.mu.Unlock()
		}
	}
}

// watchQuiet has the read that waits, or comes next, end by quietTime without a
// byte if the filter wants to know. The caller holds mu.
func (l *line) watchQuiet() {
	var t time.Time
	if l.filter != nil && l.filter.waiting() {
		t = time.Now().Add(quietTime * time.Millisecond)
	}
	l.port.SetReadDeadline(t)
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// stream makes the line a stream from here on: rest is taken as its first bytes,
// and what has arrived behind it as the next.
func (l *line) stream(f *filter, rest []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rest = append(rest[:len(rest):len(rest)], l.buf...)
	l.filter = f
	l.buf = f.feed(l.buf[:0], rest)
	l.watchQuiet()
	notify(l.arrived)
}

// text makes the line one of text again. What has come of the stream and was not taken is lost; the module text behind
// its end is returned, whether it ended in what may be the text of a boot, and why it is over, nil if it is not.
func (l *line) text() (rest []byte, booted bool, end error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.filter != nil {
		rest, booted, end = l.filter.rest, l.filter.booted, l.filter.end
	}
	l.filter = nil
	l.buf = l.buf[:0]
	l.watchQuiet()
	notify(l.room)
	return rest, booted, end
}

// take moves what has arrived into p. With n == 0, err says why nothing more will come, and nil that more may.
func (l *line) take(p []byte) (n int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n = copy(p, l.buf)
	l.buf = l.buf[n:]
	switch {
	case n > 0:
		notify(l.room)
		if len(l.buf) > 0 {
			notify(l.arrived)
		}
		return n, nil
	case l.filter != nil && l.filter.end != nil:
		return 0, l.filter.end
	}
	return 0, l.err
}

// ended returns why the stream on the line is over, nil if it is not.
func (l *line) ended() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.filter != nil && l.filter.end != nil {
		return l.filter.end
	}
	return l.err
}

// endsWithin waits for the end of the stream, at most for d, and returns why it is
// over, nil if it is not. What comes of it stays.
func (l *line) endsWithin(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		if err := l.ended(); err != nil {
			return err
		}
		select {
		case <-l.arrived:
		case <-timer.C:
			return nil
		}
	}
}

// receive waits for bytes of text and appends them to dst. It gives dst back unchanged when wait has passed.
func (l *line) receive(ctx context.Context, dst []byte, wait time.Duration) ([]byte, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	var block [1024]byte
	for {
		n, err := l.take(block[:])
		if n > 0 || err != nil {
			return append(dst, block[:n]...), err
		}
		select {
		case <-l.arrived:
		case <-timer.C:
			return dst, nil
		case <-ctx.Done():
			return dst, context.Cause(ctx)
		}
	}
}

// write writes p; the caller sees to deadlines and order.
func (l *line) write(p []byte) (int, error) {
	n, err := l.port.Write(p)
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(l.duration(n))
	return n, err
}

// busy is how long what was written is still on its way over the wire.
func (l *line) busy() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(time.Until(l.free), 0)
}

// unsent is how many bytes have not left, as reckoned by the rate, and by the system where it knows.
func (l *line) unsent() int {
	n := 0
	if port, ok := l.port.(interface{ Unsent() int }); ok {
		n = port.Unsent()
	}
	return max(n, int(l.busy()*time.Duration(l.baud)/(10*time.Second)))
}

// duration is how long n bytes are on the wire: 8N1 has ten bits each.
func (l *line) duration(n int) time.Duration {
	if l.baud == 0 {
		return 0
	}
	return time.Duration(n) * 10 * time.Second / time.Duration(l.baud)
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
