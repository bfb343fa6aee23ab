package serve

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/serve/gate"
)

// receiveHead reads what an opening connection says.
func (l *loop) receiveHead(p *Peer) {
	n, again, err := recv(p.fd, l.read)
	switch {
	case again:
		return
	case err == nil && n == 0:
		err = io.ErrUnexpectedEOF
	}
	b := l.read[:n]
	m := p.more.Load()
	early := m != nil && m.opening != nil
	if early {
		b = append(m.opening.head, b...)
		m.opening.head = b
	}
	switch {
	case err != nil && early && m.opening.handshake == nil && l.refuseCut(p, b):
	case err != nil:
		h, got := l.pending(p)
		l.refuse(p, h.Lost(got, err))
	case early && m.opening.handshake != nil:
		l.receiveKey3(p, m.opening)
	case l.server.TLS != nil && b[0] == recordHandshake:
		l.detach(p, b, nil)
	case early && b[0] != '<' && len(b) < headMost && bytes.IndexByte(l.read[:n], '\n') < 0:
		// Only the end of a line can end a head, or the policy request of Flash.
	default:
		l.readHead(p, b)
	}
}

// refuseCut answers a head that ends before a line of it did, and could be none whatever
// came: as it would have been answered where that had come at once.
func (l *loop) refuseCut(p *Peer, b []byte) bool {
	h := &l.handshake
	*h = *core.NewHandshake(&l.server.Accept)
	_, err := h.Read(b)
	var refused *core.HandshakeError
	if !errors.As(err, &refused) {
		return false
	}
	l.turnDown(p, h, err)
	return true
}

// headMost is above what a head may have.
const headMost = 16 << 10

// readHead does the opening handshake as far as b goes.
func (l *loop) readHead(p *Peer, b []byte) {
	h := &l.handshake
	*h = *core.NewHandshake(&l.server.Accept)
	n, err := h.Read(b)
	plain := (*core.NotWebSocketError)(nil)
	switch {
	case err == nil:
	case err == core.ErrIncomplete:
		m := p.ensureMore()
		if m.opening == nil {
			m.opening = &opening{head: bytes.Clone(b)}
		}
		return
	case errors.As(err, &plain):
		if !l.answerQuick(p, b) {
			l.detach(p, b, nil)
		}
		return
	default:
		l.turnDown(p, h, err)
		return
	}
	if l.behind != nil {
		l.pass(p, b)
		return
	}
	l.asked = Opening{Request: &h.Request, Dialect: h.Dialect, conn: p, transport: p.Transport(), handshake: h}
	service, refusal := l.server.route(&l.asked)
	switch {
	case refusal != nil:
		l.turnDown(p, h, h.Refuse(refusal))
		return
	case service.Handler != nil, service.Trace != nil:
		l.detach(p, b, &service)
		return
	}
	b = b[n:]
	out, err := h.AppendResponse(l.replies[:0], l.server.protocols(service.Settings), l.server.header(service.Header))
	if err != nil {
		l.turnDown(p, h, err)
		return
	}
	if !h.Challenged() {
		l.say(p, out)
		l.opened(p, h, &service, b)
		return
	}
	if len(b) >= core.Key3Len {
		l.answer(p, h, &service, out, b)
		return
	}
	l.say(p, out)
	kept := *h
	p.ensureMore().opening = &opening{head: bytes.Clone(b), handshake: &kept, service: service}
}

// pass hands a connection that asks for a WebSocket to one of the loops behind; b was read.
func (l *loop) pass(p *Peer, b []byte) {
	unix.EpollCtl(l.ep, unix.EPOLL_CTL_DEL, int(p.fd), nil)
	l.remove(p)
	to := l.behind[l.next%len(l.behind)]
	l.next++
	p.by = &to.host
	now := l.now()
	if !to.post(task{do: takePeer, peer: p, early: bytes.Clone(b), since: now}) {
		l.server.abandon(p)
		return
	}
	if l.rescue == 0 {
		l.rescue = now + rescueAfter
	}
}

// rescueAfter is how long a connection waits for a loop, in nanoseconds, before it gets a goroutine.
const rescueAfter = 10e6

// rescueNow gives goroutines to connections that wait for loops behind this one whose events take long.
func (l *loop) rescueNow(now int64) {
	l.rescue = 0
	var waiting []task
	for _, to := range l.behind {
		to.tasks.Lock()
		to.tasks.list = slices.DeleteFunc(to.tasks.list, func(t task) bool {
			if t.do != takePeer || l.stopping {
				return false
			}
			late := now-t.since >= rescueAfter
			if late {
				waiting = append(waiting, t)
			} else if next := t.since + rescueAfter; l.rescue == 0 || next < l.rescue {
				l.rescue = next
			}
			return late
		})
		to.tasks.Unlock()
	}
	for _, t := range waiting {
		l.toGoroutine(t.peer, t.early, nil, false)
	}
}

// take serves a connection that another loop has accepted.
func (l *loop) take(p *Peer, early []byte) {
	if l.stopping {
		l.server.abandon(p)
		return
	}
	if m := p.more.Load(); m != nil {
		m.opening = nil
	}
	if err := l.add(p); err != nil {
		l.server.refused(p.RemoteAddr(), fmt.Errorf("accepting: %w", err))
		l.server.abandon(p)
		return
	}
	l.setDeadline(p, l.server.handshakeTimeout())
	l.readHead(p, early)
}

// abandon closes a connection that is not open and that no loop has.
func (s *Server) abandon(p *Peer) {
	unix.Close(int(p.fd))
	p.fd, p.state = -1, stateEnded
	s.leave()
}

// receiveKey3 goes on where key3 was withheld until our head was seen.
func (l *loop) receiveKey3(p *Peer, o *opening) {
	if len(o.head) >= core.Key3Len {
		l.answer(p, o.handshake, &o.service, l.replies[:0], o.head)
	}
}

// answer appends the answer to the challenge to out and opens the connection; b begins with key3.
func (l *loop) answer(p *Peer, h *core.Handshake, service *Service, out, b []byte) {
	out, err := h.AppendAnswer(out, [core.Key3Len]byte(b))
	if err != nil { // its keys were checked
		l.refuse(p, err)
		return
	}
	l.say(p, out)
	l.opened(p, h, service, b[core.Key3Len:])
}

// say sends what is no message.
func (l *loop) say(p *Peer, b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(b) > 0 {
		p.put(item{b: b})
	}
}

// opened makes an open connection of p; rest came behind the handshake.
func (l *loop) opened(p *Peer, h *core.Handshake, service *Service, rest []byte) {
	l.setDeadline(p, l.server.Idle)
	p.state = stateOpen
	p.bytesOut.Store(0) // those of the handshake do not count
	p.kind = kindOf(h.Dialect, h.Compressed)
	p.events, p.data = service.Events, service.Data
	if p.set = service.Settings; p.set == nil {
		p.set = &l.server.Settings
	}
	if _, ok := p.events.(Runner); ok && p.set.Rate <= 0 && h.Dialect.Lacks().Masks {
		p.flags.Or(runs)
	}
	m := p.more.Load()
	if h.Protocol != "" {
		m = p.ensureMore()
		m.protocol = h.Protocol
	}
	if m != nil {
		if m.opening = nil; m.protocol == "" && m.transport == "" && m.remote == nil {
			p.more.Store(nil)
		}
	}
	l.mu.Lock()
	p.id = l.server.opened(p)
	l.mu.Unlock()
	if service.Until != nil {
		p.ensureMore().until = p.closeWhen(service.Until)
	}
	l.begin(p)
	p.events.Open(p)
	k := l.codecFor(p)
	p.bytesIn.Store(uint64(len(rest)))
	k.Feed(rest)
	l.decode(p, k)
}

// turnDown answers what h has to say to err, then closes.
func (l *loop) turnDown(p *Peer, h *core.Handshake, err error) {
	l.server.refused(p.RemoteAddr(), err)
	l.say(p, h.AppendRefusal(nil))
	l.linger(p, l.server.closeTimeout())
}

// refuse closes a connection that is not open without a word.
func (l *loop) refuse(p *Peer, err error) {
	if !l.stopping {
		l.server.refused(p.RemoteAddr(), err)
	}
	l.end(p, nil)
}

// headExpired turns down who was too slow.
func (l *loop) headExpired(p *Peer) {
	h, got := l.pending(p)
	err := h.Expire(got, l.server.handshakeTimeout())
	if got == 0 {
		l.refuse(p, err)
		return
	}
	l.turnDown(p, h, err)
}

// pending returns the handshake of an opening connection, and how many bytes of what it waits for are there.
func (l *loop) pending(p *Peer) (h *core.Handshake, got int) {
	o := p.rare().opening
	switch {
	case o == nil:
		return core.NewHandshake(&l.server.Accept), 0
	case o.handshake == nil:
		return core.NewHandshake(&l.server.Accept), len(o.head)
	}
	return o.handshake, len(o.head)
}

// detach hands a connection over to a goroutine, with the bytes that were read.
// service is what Route said to it, nil if it was not asked.
func (l *loop) detach(p *Peer, early []byte, service *Service) {
	unix.EpollCtl(l.ep, unix.EPOLL_CTL_DEL, int(p.fd), nil)
	l.remove(p)
	l.toGoroutine(p, early, service, false)
}

// answerQuick answers what Server.Quick has an answer for, and reports whether it has. b begins
// with the request that was read last.
func (l *loop) answerQuick(p *Peer, b []byte) bool {
	answer, n, keep := l.server.quick(&l.handshake.Request, b, gate.Request{Transport: p.Transport(), Peer: p, Waiting: &l.handshake})
	if answer == nil {
		return false
	}
	l.say(p, answer)
	if !keep || p.out != nil {
		l.linger(p, l.server.closeTimeout())
		return true
	}
	unix.EpollCtl(l.ep, unix.EPOLL_CTL_DEL, int(p.fd), nil)
	l.remove(p)
	l.toGoroutine(p, b[n:], nil, true)
	return true
}

// toGoroutine is detach for a connection that no loop has; answered says that it has had an answer.
func (l *loop) toGoroutine(p *Peer, early []byte, service *Service, answered bool) {
	remote := p.RemoteAddr()
	fd := int(p.fd)
	p.fd, p.state = -1, stateEnded
	f := os.NewFile(uintptr(fd), "")
	stream, err := net.FileConn(f)
	f.Close()
	if err != nil {
		err = fmt.Errorf("handing the connection over: %w", err)
		if service != nil && service.Abandoned != nil {
			service.Abandoned(err)
		}
		l.server.refused(remote, err)
		l.server.leave()
		return
	}
	early = bytes.Clone(early)
	s := l.server
	s.watch.Add(stream)
	s.wg.Go(func() {
		s.serveStream(l.serving, stream, early, service, answered)
	})
}
