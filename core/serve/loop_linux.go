package serve

import (
	"os"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/internal/accept"
)

const (
	readSize  = 224 << 10 // read buffer of a loop; larger ones leave the processor's caches (measured)
	replySize = 256 << 10 // replies beyond this leave before the end of the read
	events    = 256       // that one wait may bring

	spareCodecs = 64               // of each kind, that a loop keeps for unfinished messages
	spareMemory = 64 << 10         // above this a codec's memory is large
	spareMost   = 128 << 20        // memory of large ones that all loops of a server keep,
	spareTime   = 10 * time.Second // and for how long
)

// loop serves connections by system calls that do not wait, from one goroutine. A connection owns memory only for an
// unfinished message or for what its peer has not read.
type loop struct {
	host
	serving
	ep     int
	wakeFD int
	start  time.Time // later by what the loop was not there for, see rested
	// 0: no bound.
	messageTimeout, writeTimeout time.Duration

	// behind are the loops that serve what this one accepts; nil: it does so itself.
	behind []*loop

	// Of the loop's goroutine.
	next       int   // of behind
	rescue     int64 // when to look whether these have taken what they were given, or 0
	listeners  []*loopListener
	read       []byte
	replies    []byte // to the read that is being handled, not sent yet
	replied    uint64 // messages in it
	current    *Peer
	each       func(core.Message) error // l.message, bound once
	between    [kinds]*core.Codec       // codecs between messages, for whoever reads next
	spare      [kinds][]*core.Codec
	handshake  core.Handshake
	asked      Opening // what Route is asked about
	spareLarge int     // bytes of large ones in spare
	trim       int64   // when these are given up, or 0
	timed      int     // peers with a deadline, and other things to look at the time for
	looked     int64   // when the deadlines were looked at last
	scan       int     // of peers, whose time is looked at next
	scanning   bool    // not all have been
	stalls     bool    // it is looked for stalls, too
	tick       int64   // how often they are, in nanoseconds
	stallLook  int64   // when to look for stalls next; 0: never
	windowLook int64   // when to look at closed windows next; 0: never
	windowAt   int     // of peers, that is looked at first then
	lane       lane    // of busy peers
	passed     int64   // when the pass under way began
	limited    []*Peer
	resume     int64 // the first of limited goes on, or 0
	wakes      int64 // when the sleep of the loop ends at the latest; 0: it does not
	turned     int   // connections that were one too many and linger
	stopping   bool
	done       bool

	mu    sync.Mutex
	peers []*Peer // by descriptor; written by the loop's goroutine with mu
	open  int     // how many

	tasks struct {
		sync.Mutex
		list   []task
		asleep bool
		over   bool // the loop has ended
	}
}

// task is what a loop is asked to do by others.
type task struct {
	peer   *Peer
	do     taskKind
	code   int
	reason string
	cause  error
	early  []byte
	since  int64 // of takePeer, on the clock of the loop that gives it
}

type taskKind uint8

const (
	closePeer    taskKind = iota // start the closing handshake
	stopAll                      // take no connections and close those that are open
	cutAll                       // close what is left, with cause
	giveUpPeer                   // give up its unfinished message
	giveUpUnread                 // give it up because of what waits for it
	endGivenUp                   // it was given up
	endUnwatched                 // it cannot be watched, with cause
	takePeer                     // serve an opening connection, of which early was read
)

// peerAt returns the connection with descriptor fd, or nil.
func (l *loop) peerAt(fd int32) *Peer {
	if fd >= 0 && int(fd) < len(l.peers) {
		return l.peers[fd]
	}
	return nil
}

func newLoop(s *Server, serving serving) (*loop, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(ep)
		return nil, os.NewSyscallError("eventfd", err)
	}
	l := &loop{
		host: host{server: s, codecs: &s.codecs}, serving: serving, ep: ep, wakeFD: wake, start: time.Now(),
		read: make([]byte, readSize), replies: make([]byte, 0, 64<<10), tick: int64(s.tick()),
		messageTimeout: s.messageTimeout(), writeTimeout: s.writeTimeout(),
	}
	if l.writeTimeout > 0 {
		l.stallLook = l.now() + int64(l.writeTimeout/stallLooks)
	}
	if s.deadAfter() > 0 {
		l.windowLook = l.now()
	}
	l.engine = l
	l.each = l.message
	for k := range kinds {
		l.between[k] = k.newCodec(s.Accept.Trace)
	}
	if err := l.control(l.ep, unix.EPOLL_CTL_ADD, wake, unix.EPOLLIN); err != nil {
		l.release()
		return nil, os.NewSyscallError("epoll_ctl", err)
	}
	if err := l.lane.open(l); err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

func (l *loop) release() {
	unix.Close(l.ep)
	unix.Close(l.wakeFD)
	if l.lane.ep > 0 {
		unix.Close(l.lane.ep)
	}
	for _, li := range l.listeners {
		unix.Close(li.fd)
	}
}

func (l *loop) control(ep, op, fd int, events uint32) error {
	ev := unix.EpollEvent{Events: events, Fd: int32(fd)}
	// It does not wait, so Go's scheduler need not know.
	_, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(ep), uintptr(op), uintptr(fd), uintptr(unsafe.Pointer(&ev)), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// now is the time on the loop's clock, never 0.
func (l *loop) now() int64 { return int64(time.Since(l.start)) + 1 }

// run serves until it is stopped and all connections are closed.
func (l *loop) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer l.release()
	var ready [events]unix.EpollEvent
	for {
		l.doTasks()
		if l.done {
			return
		}
		n := l.wait(&ready)
		now := l.rested()
		l.passed = now
		for _, ev := range ready[:n] {
			if p := l.peerAt(ev.Fd); p != nil {
				l.handle(p, ev.Events)
			} else if int(ev.Fd) == l.lane.ep {
				l.lane.more = true
			} else if int(ev.Fd) == l.wakeFD {
				var b [8]byte
				unix.Read(l.wakeFD, b[:])
			} else {
				l.accept(int(ev.Fd))
			}
		}
		l.serveBusy()
		l.lookAtTime(now)
		if l.rescue != 0 && now >= l.rescue {
			l.rescueNow(now)
		}
		if l.windowLook != 0 && l.open > 0 && now >= l.windowLook {
			l.lookAtWindows()
		}
	}
}

// wait returns how many events there are. It looks first without telling Go's scheduler, which costs nothing while
// there is work, and sleeps properly only then.
func (l *loop) wait(ready *[events]unix.EpollEvent) int {
	n, errno := epollWait(l.ep, ready, false, 0)
	if n > 0 || errno != 0 {
		return n
	}
	l.tasks.Lock()
	l.tasks.asleep = len(l.tasks.list) == 0 && !l.lane.pending() && !l.scanning
	asleep := l.tasks.asleep
	l.tasks.Unlock()
	if !asleep {
		return 0
	}
	now := l.now()
	ms := l.timeout(now)
	l.wakes = 0
	if ms >= 0 {
		l.wakes = now + int64(ms)*1e6
	}
	n, _ = epollWait(l.ep, ready, true, ms)
	l.tasks.Lock()
	l.tasks.asleep = false
	l.tasks.Unlock()
	return n
}

// rested returns the time, after it has put off all that the loop waits for by the time
// that it slept too long: the process was stopped, or the machine slept. What peers have
// done meanwhile is to be seen before it is said that they did nothing.
func (l *loop) rested() int64 {
	now := l.now()
	if over := now - l.wakes; l.wakes != 0 && over > int64(overslept) {
		l.start = l.start.Add(time.Duration(over))
		now -= over
	}
	l.wakes = 0
	return now
}

// overslept is how much later than asked a loop wakes on a machine that is only busy.
const overslept = time.Second

// timeout is how long the loop may sleep, in milliseconds; -1: for ever.
func (l *loop) timeout(now int64) int {
	ms := -1
	if l.timed > 0 {
		ms = int((l.tick + 1e6 - 1) / 1e6)
	}
	next := [...]int64{l.resume, l.stallLook, l.windowLook, l.rescue}
	if l.open == 0 {
		next[2] = 0
	}
	for _, at := range next {
		if at != 0 {
			until := max(0, int((at-now+1e6-1)/1e6))
			if ms < 0 || until < ms {
				ms = until
			}
		}
	}
	return ms
}

func epollWait(ep int, ready *[events]unix.EpollEvent, sleep bool, ms int) (int, syscall.Errno) {
	var n uintptr
	var errno syscall.Errno
	if sleep {
		n, _, errno = unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(ep), uintptr(unsafe.Pointer(&ready[0])), events, uintptr(ms), 0, 0)
	} else {
		n, _, errno = unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(ep), uintptr(unsafe.Pointer(&ready[0])), events, 0, 0, 0)
	}
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// post asks the loop to do t, from any goroutine. It reports whether the loop has not ended.
func (l *loop) post(t task) bool {
	l.tasks.Lock()
	if l.tasks.over {
		l.tasks.Unlock()
		return false
	}
	l.tasks.list = append(l.tasks.list, t)
	wake := l.tasks.asleep
	l.tasks.asleep = false
	l.tasks.Unlock()
	if wake {
		one := [8]byte{1, 7: 1} // not 0, whatever the order of bytes
		unix.Write(l.wakeFD, one[:])
	}
	return true
}

func (l *loop) doTasks() {
	l.tasks.Lock()
	list := l.tasks.list
	l.tasks.list = nil
	// One connection at a time: if its events take long, those behind it can be rescued.
	if i := slices.IndexFunc(list, func(t task) bool { return t.do == takePeer }); i >= 0 && i+1 < len(list) {
		list, l.tasks.list = list[:i+1:i+1], list[i+1:]
	}
	l.tasks.Unlock()
	for _, t := range list {
		switch t.do {
		case closePeer:
			if l.peerAt(t.peer.fd) == t.peer {
				l.startClose(t.peer, t.code, t.reason)
			}
		case stopAll:
			l.stop()
		case cutAll:
			l.cut(t.cause)
		case giveUpPeer:
			if l.peerAt(t.peer.fd) == t.peer {
				l.giveUpMessage(t.peer)
			}
		case giveUpUnread:
			if l.peerAt(t.peer.fd) == t.peer {
				l.giveUpUnread(t.peer)
			}
		case endGivenUp:
			if l.peerAt(t.peer.fd) == t.peer {
				l.failed(t.peer, errTooMuch)
			}
		case endUnwatched:
			if l.peerAt(t.peer.fd) == t.peer {
				l.failed(t.peer, t.cause)
			}
		case takePeer:
			l.take(t.peer, t.early)
		}
	}
	if l.stopping && l.open == 0 {
		l.tasks.Lock()
		l.done = len(l.tasks.list) == 0
		l.tasks.over = l.done
		l.tasks.Unlock()
	}
}

// stop takes no more connections and closes those that are open.
func (l *loop) stop() {
	l.stopping = true
	for _, li := range l.listeners {
		unix.Close(li.fd)
	}
	l.listeners = nil
	for _, p := range l.peers {
		switch {
		case p == nil:
		case p.state == stateOpening:
			l.end(p, nil)
		case p.state == stateOpen:
			p.Close(codeGoingAway, "")
		}
	}
}

// cut ends what is left.
func (l *loop) cut(cause error) {
	for _, p := range l.peers {
		if p != nil {
			l.end(p, l.ended(p, &core.CloseError{Code: codeAbnormal, Unanswered: p.state == stateClosing, Err: cause}))
		}
	}
}

// add makes l serve the descriptor fd.
func (l *loop) add(p *Peer) error {
	fd := int(p.fd)
	if err := l.control(l.ep, unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	p.armed, p.reading = unix.EPOLLIN, true
	l.mu.Lock()
	defer l.mu.Unlock()
	if fd >= len(l.peers) {
		grown := make([]*Peer, max(256, 2*len(l.peers), fd+1))
		copy(grown, l.peers)
		l.peers = grown
		l.lane.heat = append(make([]heat, 0, len(grown)), l.lane.heat...)[:len(grown)]
	}
	l.peers[fd], l.lane.heat[fd] = p, heat{}
	l.open++
	return nil
}

// remove forgets p, whose descriptor stays open.
func (l *loop) remove(p *Peer) {
	l.setDeadline(p, 0)
	if p.flags.Load()&busy != 0 {
		l.calm(p)
	}
	l.mu.Lock()
	l.peers[p.fd] = nil
	l.open--
	l.mu.Unlock()
}

// each calls f for the open connections, until it returns false.
func (l *loop) all(f func(*Peer) bool) bool {
	l.mu.Lock()
	var open []*Peer
	for _, p := range l.peers {
		if p != nil && p.id != 0 {
			open = append(open, p)
		}
	}
	l.mu.Unlock()
	for _, p := range open {
		if !f(p) {
			return false
		}
	}
	return true
}

// setDeadline makes expire be called for p in d; 0: not at all.
func (l *loop) setDeadline(p *Peer, d time.Duration) {
	if p.deadline != 0 {
		l.timed--
	}
	p.deadline = 0
	if d > 0 {
		p.deadline = clock(l.now() + int64(min(d, maxDeadline)))
		l.timed++
	}
}

// Deadlines are in milliseconds and go round; none is further than half the way.
const maxDeadline = 20 * 24 * time.Hour

func clock(now int64) uint32 { return max(1, uint32(now/1e6)) }

// lookAtTime does what is due.
func (l *loop) lookAtTime(now int64) {
	if l.resume != 0 && now >= l.resume {
		l.resumeLimited(now)
	}
	if l.scanning {
		l.scanPeers(now)
		return
	}
	l.stalls = l.stallLook != 0 && now >= l.stallLook
	if l.stalls {
		l.stallLook = now + int64(l.writeTimeout/stallLooks)
	} else if l.timed == 0 || now-l.looked < l.tick {
		return
	}
	l.looked = now
	if l.trim != 0 && now >= l.trim {
		l.trimSpare()
	}
	for _, li := range l.listeners {
		if li.paused != 0 && now >= li.paused {
			li.paused = 0
			l.timed--
			if err := l.control(l.ep, unix.EPOLL_CTL_ADD, li.fd, li.events); err != nil {
				li.failed(&accept.Ended{Addr: li.addr, Err: os.NewSyscallError("epoll_ctl", err)})
			}
		}
	}
	l.scan, l.scanning = 0, true
	l.scanPeers(now)
}

// scanMost is how many peers are looked at in one go, and scanTime how long in nanoseconds: of very
// many the time may be up at once.
const (
	scanMost = 512
	scanTime = 100e3
)

// scanPeers looks at the time of some, and remembers where it is.
func (l *loop) scanPeers(now int64) {
	began := l.now()
	for n := 1; l.scan < len(l.peers); n++ {
		p := l.peers[l.scan]
		l.scan++
		if p != nil {
			l.lookAtPeer(p, now)
		}
		if n >= scanMost || n%16 == 0 && l.now()-began >= scanTime {
			return
		}
	}
	l.scanning = false
}

// lookAtPeer does what is due for p.
func (l *loop) lookAtPeer(p *Peer, now int64) {
	if p.in != nil && l.messageTimeout > 0 {
		l.lookAtMessage(p, now)
	}
	if p.deadline != 0 {
		if (p.moved || p.flags.Load()&sent != 0) && p.state == stateOpen {
			p.moved = false
			p.flags.And(^sent)
			p.deadline = clock(now + int64(min(l.server.Idle, maxDeadline)))
		} else if int32(clock(now)-p.deadline) >= 0 {
			l.expire(p)
		}
	}
	if l.stalls && p.state == stateOpen {
		l.lookForStall(p)
	}
}
