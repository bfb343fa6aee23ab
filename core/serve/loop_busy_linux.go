package serve

import "slices"

// Those that send much at once are busy, and come behind the others: a read of theirs may
// take as long as a hundred of others, and who floods does so again and again.
const (
	busyRead = 16 << 10 // bytes of a read that make a peer busy
	busyTime = 1e6      // nanoseconds for busy peers, before there is a look for others
	busyFull = 8        // looks in a row that may bring as many as they can
)

// event is one that waits for those of others.
type event struct {
	peer  *Peer
	ready uint32
}

// putOff has p, which is busy, wait for its turn. What is reported of it meanwhile will be
// again.
func (l *loop) putOff(p *Peer, ready uint32) {
	if p.flags.Load()&late == 0 {
		p.flags.Or(late)
		l.late = append(l.late, event{p, ready})
	}
}

// handleLate handles events of busy peers for a while; more says that there are others
// still.
func (l *loop) handleLate(more bool) {
	if len(l.late) == 0 {
		return
	}
	if l.full++; more && l.full < busyFull {
		return
	}
	l.full = 0
	done := 0
	for end := l.now() + busyTime; done < len(l.late); {
		e := l.late[done]
		done++
		e.peer.flags.And(^late)
		if l.peerAt(e.peer.fd) == e.peer {
			l.handle(e.peer, e.ready)
		}
		if l.now() >= end {
			break
		}
	}
	l.late = slices.Delete(l.late, 0, done)
}

// sized says whether p is busy, of which a read has brought n bytes.
func (p *Peer) sized(n int) {
	is := n >= busyRead
	switch was := p.flags.Load()&busy != 0; {
	case is && !was:
		p.flags.Or(busy)
	case was && !is:
		p.flags.And(^busy)
	}
}
