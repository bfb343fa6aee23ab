package serve

import (
	"io"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/internal/outq"
)

// drainMost is how much is read and dropped behind the end of a connection.
const drainMost = 1 << 20

// startClose sends the closing frame and gives the peer time to answer it.
func (l *loop) startClose(p *Peer, code int, reason string) {
	if p.state != stateOpen {
		return
	}
	p.state = stateClosing
	l.setDeadline(p, l.server.closeTimeout())
	l.sendClosing(p, code, reason)
	l.emptied(p)
}

func (l *loop) sendClosing(p *Peer, code int, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closing = true
	if core.CutsOff(p.Dialect(), code) {
		p.flags.Or(bareEnd)
		return
	}
	if b := p.codec().AppendClosing(nil, code, reason); len(b) > 0 {
		p.put(item{b: b})
	}
}

// emptied does what waited for all to be sent, if it was.
func (l *loop) emptied(p *Peer) {
	p.mu.Lock()
	waiting := p.out != nil
	p.mu.Unlock()
	if waiting {
		return
	}
	switch {
	case p.state == stateFlushing:
		l.end(p, p.rare().ended)
	case p.state == stateLingering, p.state == stateClosing && (!p.codec().HasClosing() || p.flags.Load()&bareEnd != 0):
		unix.Shutdown(int(p.fd), unix.SHUT_WR)
	}
}

// writable sends what waits.
func (l *loop) writable(p *Peer) {
	p.moved = true
	if p.state == stateOpen {
		l.warm(p, 0)
	}
	p.mu.Lock()
	l.flush(p)
	p.mu.Unlock()
	l.emptied(p)
	if p.flags.Load()&held != 0 {
		l.goOn(p)
	}
}

// peerClosed handles the peer's closing frame: draft 76, section 5.3; RFC 6455, section 5.5.1.
func (l *loop) peerClosed(p *Peer, code int, reason string) {
	ce := &core.CloseError{Clean: true, Code: code, Reason: reason}
	if p.state == stateClosing {
		if p.messagesOut.Load() == 0 {
			l.end(p, ce)
			return
		}
		// It may have been sent before ours was read: how the stream ends tells, see
		// core.Fate.
		p.ensureMore().ended = ce
		l.linger(p, l.server.closeTimeout())
		return
	}
	ce.ByPeer = true
	l.farewell(p, ce, true, code, "")
}

// farewell ends a connection whose last words are ours. Closing a TCP socket that has unread bytes resets it, which can
// destroy those words on their way; so only the sending side is shut, and what comes is dropped until the peer closes.
func (l *loop) farewell(p *Peer, ce *core.CloseError, tell bool, code int, reason string) {
	if tell && p.state == stateOpen {
		l.sendClosing(p, code, reason)
	}
	p.mu.Lock()
	p.closing = true
	p.mu.Unlock()
	p.ensureMore().ended = ce
	l.linger(p, l.server.closeTimeout())
}

// linger shuts the sending side once all is sent, and drops what comes for d.
func (l *loop) linger(p *Peer, d time.Duration) {
	if p.state != stateTurned {
		p.state = stateLingering
	}
	l.setDeadline(p, d)
	l.setReading(p, true)
	if p.state == stateTurned {
		unix.Shutdown(int(p.fd), unix.SHUT_WR)
		return
	}
	l.emptied(p)
}

// drain drops what comes behind the end.
func (l *loop) drain(p *Peer) {
	n, again, err := recv(p.fd, l.read)
	if again {
		return
	}
	m := p.ensureMore()
	m.drained += n
	if err != nil || m.drained > drainMost {
		l.end(p, m.ended)
		return
	}
	if n == 0 {
		p.flags.Or(proper)
		l.endWhenSent(p, m.ended)
	}
}

// endWhenSent ends a connection from which nothing will come.
func (l *loop) endWhenSent(p *Peer, ce *core.CloseError) {
	p.mu.Lock()
	p.closing = true
	waiting := p.out != nil
	p.mu.Unlock()
	if !waiting {
		l.end(p, ce)
		return
	}
	p.state = stateFlushing
	p.ensureMore().ended = ce
	l.setDeadline(p, l.server.closeTimeout())
	l.setReading(p, false)
}

// eof handles the end of the peer's half of the stream.
func (l *loop) eof(p *Peer) {
	k := p.in
	if k == nil {
		k = l.codecFor(p)
	}
	ce := k.EOF(p.state == stateClosing)
	if ce == nil {
		l.server.note("a bare FF at the end of the stream counts as the closing frame")
		ce = &core.CloseError{Clean: true, ByPeer: p.state != stateClosing, Code: codeNone}
		if p.state == stateOpen {
			l.sendClosing(p, codeNone, "")
		}
	}
	if ce.Clean || ce.Unanswered {
		p.flags.Or(proper)
	}
	l.endWhenSent(p, ce)
}

// failed ends a connection that was lost.
func (l *loop) failed(p *Peer, err error) { l.end(p, l.ended(p, err)) }

// ended says how a connection ends that is cut off with err.
func (l *loop) ended(p *Peer, err error) *core.CloseError {
	if ce := p.rare().ended; ce != nil {
		return ce
	}
	switch hasClosing := p.codec().HasClosing(); {
	case p.state == stateClosing && hasClosing:
		return &core.CloseError{Unanswered: true, Code: codeAbnormal, Err: err}
	case p.state == stateClosing:
		return &core.CloseError{Clean: true, Code: codeNone}
	}
	return &core.CloseError{Code: codeAbnormal, ByPeer: true, Err: err}
}

// expire is called when a deadline has passed.
func (l *loop) expire(p *Peer) {
	if p.reading && (p.state == stateOpen || p.state == stateOpening) && outq.UnreadFD(int(p.fd)) {
		return // it is handled first; the deadline is looked at again
	}
	switch p.state {
	case stateOpening:
		l.headExpired(p)
	case stateOpen: // idle
		p.Close(codeGoingAway, "idle")
		l.setDeadline(p, 0)
	case stateClosing:
		ce := l.ended(p, nil)
		l.end(p, ce)
	default:
		ce := p.rare().ended
		p.mu.Lock()
		cut := p.out.waiting() > 0
		p.mu.Unlock()
		if ce != nil && cut && ce.Clean {
			ce.Clean, ce.Err = false, io.ErrShortWrite
		}
		l.end(p, ce)
	}
}

// end closes p's descriptor and tells its Events.
func (l *loop) end(p *Peer, ce *core.CloseError) {
	state := p.state
	p.state = stateEnded
	if forget := p.rare().until; forget != nil {
		forget()
	}
	l.detachCodec(p)
	l.remove(p)
	opened := p.id != 0
	if opened {
		p.mu.Lock()
		p.abandon()
		p.settle()
		p.mu.Unlock()
		p.events.Closed(p, ce)
	}
	p.mu.Lock()
	fd := p.fd
	p.fd, p.out = -1, nil
	l.chargeUnread(p)
	p.mu.Unlock()
	closeSocket(fd)
	if opened {
		l.server.closed(p)
	}
	if state == stateTurned {
		l.turned--
	} else {
		l.server.leave()
	}
}

// overRate takes a message into account and reports whether the next has to wait.
func (l *loop) overRate(p *Peer) bool {
	m := p.ensureMore()
	if m.limit == nil {
		m.limit = newLimiter(p.set.Rate)
	}
	now := time.Now()
	delay := m.limit.ReserveN(now, 1).DelayFrom(now)
	if delay <= 0 {
		return false
	}
	m.resume = l.now() + int64(delay)
	if !m.limited {
		m.limited = true
		l.limited = append(l.limited, p)
	}
	if l.resume == 0 || m.resume < l.resume {
		l.resume = m.resume
	}
	return true
}

// resumeLimited goes on with those that have waited long enough.
func (l *loop) resumeLimited(now int64) {
	list := l.limited
	l.limited, l.resume = nil, 0
	for _, p := range list {
		m := p.rare()
		switch {
		case p.state == stateEnded:
		case m.resume > now:
			l.limited = append(l.limited, p)
			if l.resume == 0 || m.resume < l.resume {
				l.resume = m.resume
			}
		default:
			m.resume, m.limited = 0, false
			l.goOn(p)
		}
	}
}
