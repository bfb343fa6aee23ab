package serve

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// Those that send much are busy, and come behind the others: a read of theirs may take as long as
// a hundred of others, and who floods does so again and again. They have an epoll of their own, so
// that to look for others costs the same however many they are.
const (
	busyRead = 16 << 10 // bytes of a read that make a peer busy at once,
	busySum  = 64 << 10 // and those of all within busySpan, where a look counts as many as eventCost
	// busySpan is also after how long a peer that sends less is busy no more, in nanoseconds.
	busySpan  = 16e6
	eventCost = 1 << 10

	// sliceTime is how long busy peers have, in nanoseconds, before there is a look for others, and
	// aloneTime how long where there are none.
	sliceTime = 100e3
	aloneTime = 1e6
	// turnMost is how often one that goes on with what it has sent, a message to be inflated for
	// one, does so before others: what is half done takes memory. 16 MiB are inflated in 128.
	turnMost = 160
)

// lane is what a loop has for its busy peers.
type lane struct {
	ep      int
	ready   [events]unix.EpollEvent
	waiting []unix.EpollEvent // of ready
	more    bool              // ep may have others: the last look has brought some
	peers   int
	heat    []heat // by descriptor, as loop.peers
	again   []*Peer
	turn    *Peer // the first of again that has its turn, for so often already
	turned  int
}

// heat is how much a peer has sent lately.
type heat struct {
	since int64 // of the loop's clock
	sum   int
}

func (b *lane) open(l *loop) error {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	b.ep = ep
	return os.NewSyscallError("epoll_ctl", l.control(l.ep, unix.EPOLL_CTL_ADD, ep, unix.EPOLLIN))
}

// pending reports whether there is something to do for busy peers.
func (b *lane) pending() bool { return b.more || len(b.waiting) > 0 || len(b.again) > 0 }

// warm says that p took a look, which has brought n bytes, and whether it is busy.
func (l *loop) warm(p *Peer, n int) {
	if p.fd < 0 {
		return
	}
	h := &l.lane.heat[p.fd]
	is := p.flags.Load()&busy != 0
	if l.passed-h.since >= busySpan {
		if is && h.sum < busySum/2 {
			l.setBusy(p, false)
			is = false
		}
		h.since, h.sum = l.passed, 0
	}
	h.sum += eventCost + n
	if n >= busyRead {
		h.sum = max(h.sum, busySum)
	}
	if !is && h.sum >= busySum {
		l.setBusy(p, true)
	}
}

// setBusy moves p between the epolls.
func (l *loop) setBusy(p *Peer, on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.control(l.epollOf(p), unix.EPOLL_CTL_DEL, int(p.fd), 0)
	if on {
		p.flags.Or(busy)
		l.lane.peers++
	} else {
		l.calm(p)
	}
	if err := l.control(l.epollOf(p), unix.EPOLL_CTL_ADD, int(p.fd), uint32(p.armed)); err != nil {
		unix.Shutdown(int(p.fd), unix.SHUT_RDWR)
		l.post(task{peer: p, do: endUnwatched, cause: os.NewSyscallError("epoll_ctl", err)})
	}
}

// calm takes p from the busy ones.
func (l *loop) calm(p *Peer) {
	p.flags.And(^busy)
	l.lane.peers--
	for i := range l.lane.waiting {
		if l.lane.waiting[i].Fd == p.fd { // which may be another's soon
			l.lane.waiting[i].Fd = -1
		}
	}
}

func (l *loop) epollOf(p *Peer) int {
	if p.flags.Load()&busy != 0 {
		return l.lane.ep
	}
	return l.ep
}

// serveBusy does for busy peers what fits into a slice: those that go on, and what is reported of them, take turns.
func (l *loop) serveBusy() {
	b := &l.lane
	if !b.pending() {
		return
	}
	slice := int64(sliceTime)
	if b.peers >= l.open {
		slice = aloneTime
	}
	end := l.now() + slice
	for {
		if len(b.again) > 0 {
			l.goOnFirst()
		}
		if len(b.waiting) == 0 && b.more {
			n, _ := epollWait(b.ep, &b.ready, false, 0)
			b.waiting, b.more = b.ready[:n], n > 0
		}
		if len(b.waiting) > 0 {
			ev := b.waiting[0]
			b.waiting = b.waiting[1:]
			if p := l.peerAt(ev.Fd); p != nil && p.flags.Load()&busy != 0 {
				l.handle(p, ev.Events)
			}
		}
		if !b.pending() || l.now() >= end {
			return
		}
	}
}

// goOnFirst reads again from the first of those that were kept waiting.
func (l *loop) goOnFirst() {
	b := &l.lane
	p := b.again[0]
	b.again = slices.Delete(b.again, 0, 1)
	if b.turn != p {
		b.turn, b.turned = p, 0
	}
	b.turned++
	l.goOn(p)
	if last := len(b.again) - 1; last >= 0 && b.again[last] == p && b.turned < turnMost {
		copy(b.again[1:], b.again[:last])
		b.again[0] = p
		return
	}
	b.turn = nil
}
