package serve

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ws76/ws76/core"
)

func (l *loop) reply(p *Peer, m core.Message) error {
	k := p.codec()
	if p.state != stateOpen {
		return core.ErrClosing
	}
	if k.InPlace(m) {
		return l.replyInPlace(p, k, m)
	}
	b, err := k.Append(l.replies, m)
	if err != nil {
		return err
	}
	l.replies = b
	l.replied++
	if len(b) >= replySize {
		p.mu.Lock()
		defer p.mu.Unlock()
		l.sendReplies(p)
	}
	return nil
}

func (l *loop) replyRun(p *Peer, frames []byte, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing {
		return
	}
	it := item{b: frames}
	if p.out != nil {
		l.sendReplies(p)
	} else {
		size := len(l.replies) + len(frames)
		sent := l.writev(p.fd, l.replies, frames)
		p.wrote(sent)
		it.off = l.repliesSent(p, sent)
		if sent == size {
			p.messagesOut.Store(p.messagesOut.Load() + uint64(n))
			return
		}
	}
	for _, end := range core.FrameEnds(p.Dialect(), frames) {
		it.ends = append(it.ends, uint32(end))
	}
	p.putRest(it)
	l.watchFull(p)
}

// replyInPlace sends the replies so far and m, whose payload is not copied unless it has to wait.
func (l *loop) replyInPlace(p *Peer, k *core.Codec, m core.Message) error {
	start := len(l.replies)
	b, at, err := k.AppendAround(l.replies, m)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing {
		return core.ErrClosing
	}
	l.replies = b[:start]
	if p.out != nil {
		l.sendReplies(p)
		p.out.push(item{b: rest(0, b[start:at], m.Data, b[at:]), ends: []uint32{uint32(len(b) - start + len(m.Data))}})
		l.watchFull(p)
		return nil
	}
	size := len(b) + len(m.Data)
	n := l.writev(p.fd, b[:at], m.Data, b[at:])
	p.wrote(n)
	if n == size {
		p.messagesOut.Add(l.replied + 1)
		l.replied, l.replies = 0, l.replies[:0]
		return nil
	}
	n = l.repliesSent(p, n)
	if p.out == nil {
		p.out = outboxes.Get().(*outbox)
	}
	// Only what has not left is copied.
	waiting := rest(n, b[start:at], m.Data, b[at:])
	p.out.push(item{b: waiting, ends: []uint32{uint32(len(waiting))}})
	l.watchFull(p)
	return nil
}

// repliesSent does what is due when n bytes have been sent, those of the replies first,
// and returns how many were of what comes behind them. The caller holds p.mu.
func (l *loop) repliesSent(p *Peer, n int) int {
	done := min(n, len(l.replies))
	if done < len(l.replies) {
		l.queueReplies(p, done)
	} else {
		p.messagesOut.Store(p.messagesOut.Load() + l.replied)
	}
	l.replied, l.replies = 0, l.replies[:0]
	return n - done
}

// rest returns a copy of parts without their first n bytes.
func rest(n int, parts ...[]byte) []byte {
	size := -n
	for _, p := range parts {
		size += len(p)
	}
	b := make([]byte, 0, size)
	for _, p := range parts {
		k := min(n, len(p))
		n -= k
		b = append(b, p[k:]...)
	}
	return b
}

// watchFull is watch for a peer that may have to be held. The caller holds p.mu.
func (l *loop) watchFull(p *Peer) {
	if p.waits(1) {
		p.flags.Or(held)
	}
	l.watch(p)
}

// sendReplies sends the replies gathered so far, or puts them in line. The caller holds p.mu.
func (l *loop) sendReplies(p *Peer) {
	if len(l.replies) == 0 {
		return
	}
	n := 0
	if p.out == nil {
		n = l.write(p, l.replies)
	}
	all := n == len(l.replies)
	l.repliesSent(p, n)
	if !all {
		l.watchFull(p)
	}
}

// queueReplies puts the replies in line of which n bytes have left.
func (l *loop) queueReplies(p *Peer, n int) {
	if p.out == nil {
		p.out = outboxes.Get().(*outbox)
	}
	// Where each message ends is seen only now, when it matters.
	it := item{b: append([]byte(nil), l.replies[n:]...)}
	for _, end := range core.FrameEnds(p.Dialect(), l.replies) {
		if end <= n {
			p.messagesOut.Add(1)
		} else {
			it.ends = append(it.ends, uint32(end-n))
		}
	}
	p.out.push(it)
}

// flush sends of p.out what the peer takes. The caller holds p.mu.
func (l *loop) flush(p *Peer) {
	for p.out != nil && p.out.bytes > 0 {
		var parts [8][]byte
		k, size := p.out.gather(parts[:])
		n := l.writev(p.fd, parts[:k]...)
		p.left(n)
		p.messagesOut.Add(p.out.left(n))
		if n < size {
			break
		}
	}
	p.flushed()
	l.watch(p)
}

// watch makes epoll watch for what p waits for. The caller holds p.mu.
func (l *loop) watch(p *Peer) {
	l.chargeUnread(p)
	var want uint8
	if p.reading {
		want |= unix.EPOLLIN
	}
	if p.out != nil && p.flags.Load()&batching == 0 {
		want |= unix.EPOLLOUT
	}
	if want != p.armed && p.fd >= 0 {
		p.armed = want
		l.control(l.epollOf(p), unix.EPOLL_CTL_MOD, int(p.fd), uint32(want))
	}
}

func (l *loop) write(p *Peer, b []byte) int {
	n := l.writeFD(p.fd, b)
	p.left(n)
	return n
}

func (l *loop) closeSoon(p *Peer, code int, reason string) {
	l.post(task{peer: p, do: closePeer, code: code, reason: reason})
}

func (l *loop) count(*Peer) {} // it does so all the time

// writeFD hands b to the system as far as it takes it. What went wrong the reading side is told, too.
func (l *loop) writeFD(fd int32, b []byte) (sent int) {
	for sent < len(b) && fd >= 0 {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[sent])), uintptr(len(b)-sent), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			break
		}
		sent += int(n)
	}
	return sent
}

// writev is writeFD for up to eight slices.
func (l *loop) writev(fd int32, parts ...[]byte) (sent int) {
	if fd < 0 {
		return 0
	}
	var iov [8]unix.Iovec
	var last []byte
	k, size := 0, 0
	for _, p := range parts {
		if len(p) > 0 {
			last = p
			iov[k].Base = &p[0]
			iov[k].SetLen(len(p))
			size += len(p)
			k++
		}
	}
	if size == len(last) {
		return l.writeFD(fd, last) // which costs less
	}
	at := 0
	for sent < size {
		var msg unix.Msghdr
		msg.Iov = &iov[at]
		msg.SetIovlen(k - at)
		r, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&msg)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			break
		}
		n := int(r)
		sent += n
		for at < k && n >= int(iov[at].Len) {
			n -= int(iov[at].Len)
			at++
		}
		if n > 0 {
			iov[at].Base = (*byte)(unsafe.Add(unsafe.Pointer(iov[at].Base), n))
			iov[at].SetLen(int(iov[at].Len) - n)
		}
	}
	return sent
}
