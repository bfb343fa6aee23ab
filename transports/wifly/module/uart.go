package module

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"
)

const (
	// tick is the time of the bytes that travel as one piece where a single one takes
	// less. Timers are not better than that, and a busy line wakes nobody more often.
	tick = 250 * time.Microsecond
	// ahead is the time of the bytes that are taken from the host's buffer at once: they
	// follow each other without a gap.
	ahead = 4 * time.Millisecond
	// atHand is how soon bytes come that were waiting for their turn. Those follow the
	// piece before without a gap, and what a timer overslept, up to slack, is made up for.
	atHand = 500 * time.Microsecond
	slack  = 25 * time.Millisecond
	// stall is how long a host without flow control may leave its buffer full before
	// bytes are lost; from then on they are as they come.
	stall = 100 * time.Millisecond
)

// uart is the module's serial port: two goroutines that carry bytes at the speed of the wire. What is not read from
// port waits in the host's buffer, which is what RTS does; that the host does not read is what CTS says.
type uart struct {
	port     io.ReadWriteCloser
	hostRate func() int // 0: fits
	paced    bool       // else the port is a wire of its own
	rate     atomic.Int64
	flow     atomic.Bool
	module   *Module // which counts what is lost
	stalled  bool    // the host did not take the last bytes
	record   recorder

	rx   chan piece  // from the host
	tx   chan []byte // to the host; whoever sends leaves it alone until sent
	sent chan struct{}
}

// piece is bytes from the host and the time in which they came. They are valid until the next piece is received.
type piece struct {
	data       []byte
	start, end time.Time
}

func newUART(port io.ReadWriteCloser, m *Module) *uart {
	o := &m.o
	u := &uart{port: port, module: m, hostRate: o.HostRate, paced: o.SetRate == nil,
		rx: make(chan piece), tx: make(chan []byte, 1), sent: make(chan struct{}, 1)}
	u.record.write, u.record.start = o.Record, time.Now()
	if u.hostRate == nil {
		u.hostRate = func() int { return 0 }
	}
	return u
}

// wireTime is how long n bytes take: start bit, 8 bits, stop bit.
func (u *uart) wireTime(n int) time.Duration {
	return time.Duration(n) * 10 * time.Second / time.Duration(u.rate.Load())
}

// bytesIn is how many bytes pass in d.
func (u *uart) bytesIn(d time.Duration) int {
	return min(max(int(d*time.Duration(u.rate.Load())/(10*time.Second)), 1), 1024)
}

// atOnce is how many bytes make a piece: more where the port itself sees to the time.
func (u *uart) atOnce() int {
	if !u.paced {
		return u.bytesIn(ahead)
	}
	return u.bytesIn(tick)
}

// garble makes of b what a UART sees at the wrong rate.
func (u *uart) garble(b []byte) {
	if host := u.hostRate(); host != 0 && int64(host) != u.rate.Load() {
		for i := range b {
			b[i] ^= byte(rand.Uint32()) | 0x80
		}
	}
}

// pacer knows when the wire is free.
type pacer struct{ free time.Time }

// next returns when n bytes begin and end that are there now. They were waited for
// since asked; zero if they stand behind the ones before.
func (p *pacer) next(u *uart, n int, asked time.Time) (start, end time.Time) {
	start = time.Now()
	if !u.paced {
		return start, start
	}
	if (asked.IsZero() || start.Sub(asked) < atHand) && start.Sub(p.free) < slack {
		start = p.free
	}
	p.free = start.Add(u.wireTime(n))
	return start, p.free
}

// receive carries bytes from the host until the port ends, and returns why.
func (u *uart) receive(ctx context.Context) error {
	var (
		buffers [2][1024]byte // one is filled while the module looks at the other
		line    pacer
	)
	i := 0
	for {
		asked := time.Now()
		n, err := u.port.Read(buffers[i][:u.bytesIn(ahead)])
		for b := buffers[i][:n]; len(b) > 0; asked = (time.Time{}) {
			p := piece{data: b[:min(len(b), u.atOnce())]}
			b = b[len(p.data):]
			p.start, p.end = line.next(u, len(p.data), asked)
			u.garble(p.data)
			if !sleepUntil(ctx, p.end) {
				u.module.unsent(len(p.data) + len(b))
				return ctx.Err()
			}
			u.record.add(true, p.data)
			select {
			case u.rx <- p:
			case <-ctx.Done():
				u.module.unsent(len(p.data) + len(b))
				return ctx.Err()
			}
		}
		if err != nil {
			return err
		}
		if n > 0 { // an empty read leaves the other where it is looked at
			i ^= 1
		}
	}
}

// transmit carries bytes to the host until ctx or the port ends, and returns why.
func (u *uart) transmit(ctx context.Context) error {
	var line pacer
	for {
		var b []byte
		asked := time.Now()
		select {
		case b = <-u.tx:
		case <-ctx.Done():
			return ctx.Err()
		}
		for ; len(b) > 0; asked = (time.Time{}) {
			p := b[:min(len(b), u.atOnce())]
			b = b[len(p):]
			_, end := line.next(u, len(p), asked)
			u.garble(p)
			if !sleepUntil(ctx, end) {
				u.module.undelivered(len(p) + len(b))
				return ctx.Err()
			}
			u.record.add(false, p)
			if n, err := u.write(p); err != nil {
				u.module.undelivered(len(p) - n + len(b))
				return err
			}
		}
		u.sent <- struct{}{} // never waits: there is one buffer under way
	}
}

// write hands bytes to the host, and says how many it has, or were lost: without flow control,
// those that it does not take.
func (u *uart) write(p []byte) (int, error) {
	d, ok := u.port.(interface{ SetWriteDeadline(time.Time) error })
	if ok {
		var limit time.Time
		switch {
		case u.flow.Load():
		case u.stalled:
			limit = time.Now().Add(max(u.wireTime(len(p)), time.Millisecond))
		default:
			limit = time.Now().Add(stall)
		}
		d.SetWriteDeadline(limit)
	}
	n, err := u.port.Write(p)
	if u.stalled = errors.Is(err, os.ErrDeadlineExceeded); u.stalled {
		u.module.counters.lost.Add(uint64(len(p) - n))
		return len(p), nil
	}
	return n, err
}

// sleepUntil waits for t; it reports false when ctx ends first.
func sleepUntil(ctx context.Context, t time.Time) bool {
	d := time.Until(t)
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
