package serve

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/internal/tcplimit"
)

// What stops the messages of a read before its end.
var (
	errHeld = errors.New("held")          // the peer must wait
	errRun  = errors.New("perhaps a run") // of frames that need not be taken one by one
)

// handle does what epoll says is possible.
func (l *loop) handle(p *Peer, ready uint32) {
	if ready&unix.EPOLLOUT != 0 {
		l.writable(p)
		if p.fd < 0 {
			return
		}
	}
	if ready&^unix.EPOLLOUT == 0 {
		return
	}
	if !p.reading {
		// Not asked for: the connection is gone in both directions.
		if ready&(unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			errno, _ := unix.GetsockoptInt(int(p.fd), unix.SOL_SOCKET, unix.SO_ERROR)
			l.failed(p, os.NewSyscallError("recv", syscall.Errno(orDefault(errno, int(unix.EPIPE)))))
		}
		return
	}
	switch p.state {
	case stateOpen, stateClosing:
		l.receive(p)
	case stateOpening:
		l.receiveHead(p)
	default:
		l.drain(p)
	}
}

// recv reads once. again means that there is nothing.
func recv(fd int32, b []byte) (n int, again bool, err error) {
	r, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_DONTWAIT, 0, 0)
	switch errno {
	case 0:
		return int(r), false, nil
	case unix.EAGAIN, unix.EINTR:
		return 0, true, nil
	}
	return 0, false, os.NewSyscallError("recv", errno)
}

// closeSocket closes a descriptor. What waits to be sent the system sends without us.
func closeSocket(fd int32) { unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// receive reads once and hands over what that brought.
func (l *loop) receive(p *Peer) {
	buf := l.read
	k := p.in
	var room []byte
	if k != nil {
		if room = k.Room(); room != nil {
			buf = room
		}
	}
	n, again, err := recv(p.fd, buf)
	switch {
	case again:
		return
	case err != nil:
		l.failed(p, err)
		return
	case n == 0:
		l.eof(p)
		return
	}
	l.warm(p, n)
	if k == nil {
		k = l.codecFor(p)
	}
	if room != nil {
		k.Advance(n)
	} else {
		k.Feed(buf[:n])
	}
	p.bytesIn.Store(p.bytesIn.Load() + uint64(n))
	l.deliver(p, k)
}

// codecFor returns a codec for the next bytes of p, which has none.
func (l *loop) codecFor(p *Peer) *core.Codec {
	k := l.between[p.kind]
	k.Reset(l.server.maxMessage(p.set), int64(p.bytesIn.Load()))
	return k
}

// message takes a message of the read that is being handled.
func (l *loop) message(m core.Message) error {
	p := l.current
	p.events.Message(p, m)
	switch flags := p.flags.Load(); {
	case flags&held != 0 || p.set.Rate > 0 && l.overRate(p):
		return errHeld
	case flags&runs != 0:
		return errRun
	}
	return nil
}

// deliver hands over the messages in k, and sends what was said to them.
func (l *loop) deliver(p *Peer, k *core.Codec) {
	l.begin(p)
	l.decode(p, k)
}

// begin gathers what is sent to p from here on, up to settle.
func (l *loop) begin(p *Peer) {
	l.current, l.replied = p, 0
	l.replies = l.replies[:0]
	p.flags.Or(batching)
}

// decode is deliver after begin.
func (l *loop) decode(p *Peer, k *core.Codec) {
	var messages uint64
	var ctl core.Control
	var err error
	for {
		if p.flags.Load()&runs != 0 {
			if frames, n := k.NextRun(); n > 0 {
				messages += uint64(n)
				p.events.(Runner).Run(p, frames, n)
				if p.flags.Load()&held != 0 {
					err = errHeld
					break
				}
			}
		}
		var n uint64
		n, ctl, err = k.Messages(l.each)
		messages += n
		if err == errRun {
			continue
		}
		if err != nil || ctl.Kind == core.Closing {
			break
		}
		if ctl.Kind == core.Ping && p.state == stateOpen {
			l.replies = p.codec().AppendPong(l.replies, ctl.Data)
			if len(l.replies) > replySize {
				p.mu.Lock()
				l.sendReplies(p)
				p.mu.Unlock()
			}
			if p.flags.Load()&held != 0 {
				err = errHeld
				break
			}
		}
	}
	if messages > 0 {
		if p.in != nil && l.messageTimeout > 0 {
			p.in.Begun = l.now()
		}
		p.messagesIn.Store(p.messagesIn.Load() + messages)
		if f, ok := p.events.(Flusher); ok {
			f.Flush(p)
		}
	}
	if skipped, repaired := k.Skipped(); skipped|repaired != 0 {
		m := p.ensureMore()
		m.skipped.Add(skipped)
		m.repaired.Add(repaired)
	}
	l.settle(p)
	switch {
	case err == errHeld || err == core.ErrPaused:
		l.keep(p, k)
	case err == core.ErrIncomplete:
		l.putBack(p, k)
		l.setReading(p, p.flags.Load()&held == 0)
	case err != nil:
		l.putBack(p, k)
		ce, reason, tell := k.Violation(err)
		l.farewell(p, ce, tell, ce.Code, reason)
	default:
		l.putBack(p, k)
		l.peerClosed(p, ctl.Code, ctl.Reason)
	}
}

// settle sends what was gathered since begin.
func (l *loop) settle(p *Peer) {
	p.moved = true
	p.flags.And(^batching)
	l.current = nil
	p.mu.Lock()
	l.sendReplies(p)
	emptied := false
	if p.out != nil {
		l.flush(p)
		emptied = p.out == nil
		switch {
		case emptied:
			p.flags.And(^held) // nothing would say that it may go on
		case p.waits(1):
			p.flags.Or(held)
		}
	}
	p.mu.Unlock()
	if emptied {
		l.emptied(p)
	}
	if cap(l.replies) > 2*replySize {
		l.replies = make([]byte, 0, 64<<10)
	}
}

// keep leaves the rest of what was read with p until it may go on.
func (l *loop) keep(p *Peer, k *core.Codec) {
	k.Own()
	if p.in != nil {
		l.charge(p)
	}
	l.attach(p, k)
	l.setReading(p, false)
	if k.Paused() {
		l.warm(p, busyRead)
	}
	l.lane.again = append(l.lane.again, p)
}

// goOn reads from p again if nothing speaks against it.
func (l *loop) goOn(p *Peer) {
	if p.state != stateOpen && p.state != stateClosing || p.rare().resume != 0 {
		return
	}
	if p.flags.Load()&held != 0 {
		p.mu.Lock()
		full := p.waits(2)
		p.mu.Unlock()
		if full {
			return
		}
		p.flags.And(^held)
	}
	if p.in != nil && (len(p.in.Rest()) > 0 || p.in.Paused()) {
		l.deliver(p, p.in)
		return
	}
	l.setReading(p, true)
}

// setReading says whether input of p is wanted.
func (l *loop) setReading(p *Peer, on bool) {
	if p.reading == on {
		return
	}
	p.mu.Lock()
	p.reading = on
	l.watch(p)
	p.mu.Unlock()
}

// putBack takes k from p when there is nothing unfinished in it, or leaves it with p.
func (l *loop) putBack(p *Peer, k *core.Codec) {
	if !k.Between() && p.fd >= 0 {
		if p.in != nil {
			l.charge(p)
		}
		l.attach(p, k)
	} else {
		l.detachCodec(p)
	}
}

// attach leaves k, which has something unfinished, with p, from now on if it is not there yet.
func (l *loop) attach(p *Peer, k *core.Codec) {
	if p.in != nil {
		return
	}
	p.in = k
	l.between[p.kind] = l.takeCodec(p.kind)
	l.charge(p)
	if l.messageTimeout > 0 {
		k.Begun = l.now()
		l.timed++
	}
}

// detachCodec takes the codec from p, if there is one.
func (l *loop) detachCodec(p *Peer) {
	if p.in == nil {
		return
	}
	k := p.in
	p.in = nil
	l.server.Accept.Pending.Set(&k.Holding, nil, 0)
	l.giveCodec(p.kind, k)
	if l.messageTimeout > 0 {
		l.timed--
	}
}

// charge says what p holds of the budget of unfinished messages.
func (l *loop) charge(p *Peer) {
	if b := l.server.Accept.Pending; b != nil {
		b.Set(&p.in.Holding, (*pendingPeer)(p), int64(p.in.Held()+len(p.in.Rest())))
	}
}

// endSize is how many bytes the end of a message takes, which is more than an empty one does.
const endSize = 4

// chargedEvery is how much what waits for a peer may change before that is told.
const chargedEvery = 16 << 10

// chargeUnread says what waits for p alone, and counts against the budget of what is
// unfinished: others cannot be read from for it. The caller holds p.mu.
func (l *loop) chargeUnread(p *Peer) {
	b := l.server.Accept.Pending
	if b == nil {
		return
	}
	waits, charged := 0, 0
	if p.out != nil {
		waits = p.ownBytes() + endSize*p.out.own
	}
	if m := p.more.Load(); m != nil {
		charged = m.charged
	}
	if d := waits - charged; d == 0 || waits > 0 && -chargedEvery < d && d < chargedEvery {
		return
	}
	m := p.ensureMore()
	m.charged = waits
	b.Set(&m.unread, (*unreadPeer)(p), int64(waits))
}

// unreadPeer is a Peer that does not read as a core.Holder.
type unreadPeer Peer

// GiveUp asks the loop.
func (p *unreadPeer) GiveUp() { p.by.engine.(*loop).post(task{peer: (*Peer)(p), do: giveUpUnread}) }

// giveUpUnread ends p, unless it has read meanwhile.
func (l *loop) giveUpUnread(p *Peer) {
	p.mu.Lock()
	waits := p.out != nil && p.out.bytes > p.out.sharedBytes
	p.mu.Unlock()
	if waits && (p.state == stateOpen || p.state == stateClosing) {
		l.failed(p, errTooMuch)
	}
}

func (l *loop) giveUp(p *Peer) {
	if p.fd >= 0 {
		unix.Shutdown(int(p.fd), unix.SHUT_RDWR)
		l.post(task{peer: p, do: endGivenUp})
	}
}

// pendingPeer is a Peer as a core.Holder.
type pendingPeer Peer

// GiveUp asks the loop.
func (p *pendingPeer) GiveUp() { p.by.engine.(*loop).post(task{peer: (*Peer)(p), do: giveUpPeer}) }

// giveUpMessage ends p, and forgets the message that it has not sent whole.
func (l *loop) giveUpMessage(p *Peer) {
	if p.in == nil || p.state != stateOpen && p.state != stateClosing {
		return
	}
	k := p.in
	l.server.Accept.Pending.Set(&k.Holding, nil, 0)
	p.in = nil // nor is it kept for others
	if l.messageTimeout > 0 {
		l.timed--
	}
	ce, reason, tell := k.Violation(core.ErrPendingFull)
	l.farewell(p, ce, tell, ce.Code, reason)
}

// lookAtMessage ends p if the message that it sends takes too long.
func (l *loop) lookAtMessage(p *Peer, now int64) {
	if !p.reading {
		p.in.Begun = now // we let it wait
		return
	}
	if p.state == stateOpen && time.Duration(now-p.in.Begun) > l.messageTimeout {
		ce, reason, tell := p.in.Violation(fmt.Errorf("%w: not whole after %v", core.ErrMessageSlow, l.messageTimeout))
		l.farewell(p, ce, tell, ce.Code, reason)
	}
}

// lookForStall ends p if it has taken nothing of what waits for it since the last looks.
func (l *loop) lookForStall(p *Peer) {
	p.mu.Lock()
	stalled := p.out != nil && p.out.stalled(p.bytesOut.Load())
	p.mu.Unlock()
	if stalled {
		l.failed(p, fmt.Errorf("%w: nothing within %v", core.ErrNotRead, l.writeTimeout))
	}
}

// windowBatch is how many peers lookAtWindows looks at in one go.
const windowBatch = 64

// lookAtWindows has peers outlast that they have closed their window, a batch of them
// each time, so that each gets its turn once in the time that tcplimit asks for.
func (l *loop) lookAtWindows() {
	after := l.server.deadAfter()
	batch := l.peers[min(l.windowAt, len(l.peers)):min(l.windowAt+windowBatch, len(l.peers))]
	for _, p := range batch {
		if p != nil && p.rare().transport == "" { // TCP
			tcplimit.Look(int(p.fd), after)
		}
	}
	if l.windowAt += windowBatch; l.windowAt >= len(l.peers) {
		l.windowAt = 0
	}
	turns := (len(l.peers) + windowBatch - 1) / windowBatch
	l.windowLook = l.now() + int64(tcplimit.Period(after))/int64(max(1, turns))
}

func (l *loop) takeCodec(kind kind) *core.Codec {
	spare := l.spare[kind]
	n := len(spare)
	if n == 0 {
		return kind.newCodec(l.server.Accept.Trace)
	}
	k := spare[n-1]
	spare[n-1] = nil
	l.spare[kind] = spare[:n-1]
	if k.Held() > spareMemory {
		l.spareLarge -= k.Held()
		l.server.spare.Add(-int64(k.Held()))
	}
	return k
}

// giveCodec keeps k for another connection, for a while if it has much memory.
func (l *loop) giveCodec(kind kind, k *core.Codec) {
	k.Trim()
	large := k.Held() > spareMemory
	if len(l.spare[kind]) >= spareCodecs {
		return
	}
	if held := int64(k.Held()); large && l.server.spare.Add(held) > spareMost {
		l.server.spare.Add(-held)
		return
	}
	l.spare[kind] = append(l.spare[kind], k)
	if large {
		l.spareLarge += k.Held()
		if l.trim == 0 {
			l.trim = l.now() + int64(spareTime)
			l.timed++
		}
	}
}

// trimSpare gives up the memory of large messages that are over.
func (l *loop) trimSpare() {
	l.server.spare.Add(-int64(l.spareLarge))
	l.trim, l.spareLarge = 0, 0
	l.timed--
	for k, list := range l.spare {
		l.spare[k] = slices.DeleteFunc(list, func(c *core.Codec) bool { return c.Held() > spareMemory })
	}
	for k, c := range l.between {
		if c.Held() > spareMemory {
			l.between[k] = kind(k).newCodec(l.server.Accept.Trace)
		}
	}
}
