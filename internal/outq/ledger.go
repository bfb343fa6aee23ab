package outq

import (
	"math"
	"sync"
)

// State is what the system knows of what was written to a socket.
type State struct {
	Known bool // the system can tell; otherwise the rest says nothing
	Lasts bool // it still can once the connection is lost
	Over  bool // it is, in both directions
	// Waiting is how many bytes the peer's system has not acknowledged (TCP) or the peer has not read (unix sockets).
	Waiting int
	// Unsent is how many of those have not left this machine and never will.
	Unsent int
	// Window is how many bytes the peer's system may hold for the peer.
	Window int
}

// Mark is a place between two messages: how many bytes and messages lie before it.
type Mark struct{ Bytes, Messages uint64 }

const (
	steps = 14
	// A look at the system is due after so many writes, or so many bytes.
	lookWrites = 250
	lookBytes  = 256 << 10
	// Small windows are those of peers that do not read now.
	leastWindow = 64 << 10
	// readAtOnce is what programs read at a time, most of them less.
	readAtOnce = 80 << 10
)

// Ledger maps bytes that were written to a connection to messages. It remembers a few places between messages, and so
// many more where it matters: what it says may be off by what lies between two of them, always to the safe side. Its
// methods may be called from any goroutine; its zero value is ready.
type Ledger struct {
	mu      sync.Mutex
	safe    Mark // the peer has read all before it
	wrote   Mark // handed to the system
	acked   Mark // the peer's system has it, as far as was looked
	looked  uint64
	asked   Mark // by Ask
	window  uint32
	writes  uint8
	n       uint8
	blind   bool // the system cannot tell
	answers bool // the peer does, see Answered
	// From one place to the next; the last leads to wrote.
	step [steps]struct{ bytes, messages uint32 }
}

// Wrote notes that what was written ends at m, and reports whether a look is due.
func (l *Ledger) Wrote(m Mark) (look bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	bytes, messages := m.Bytes-l.wrote.Bytes, m.Messages-l.wrote.Messages
	l.wrote = m
	if l.blind {
		return false
	}
	l.add(bytes, messages)
	l.writes++
	return l.writes >= lookWrites || m.Bytes-l.looked >= max(lookBytes, uint64(l.window))
}

func (l *Ledger) add(bytes, messages uint64) {
	if l.n == steps {
		l.merge()
	}
	if bytes > math.MaxUint32 || messages > math.MaxUint32 {
		l.n = 0 // what is before wrote is one piece
		return
	}
	l.step[l.n].bytes, l.step[l.n].messages = uint32(bytes), uint32(messages)
	l.n++
}

// merge makes room: neighbours become one step, all that are short, or else all.
func (l *Ledger) merge() {
	for most := uint64(l.unread()) / (steps / 2); l.n == steps; most = math.MaxUint32 {
		n := 0
		for i := 1; i < steps; i++ {
			last, next := &l.step[n], l.step[i]
			bytes, messages := uint64(last.bytes)+uint64(next.bytes), uint64(last.messages)+uint64(next.messages)
			if bytes <= most && messages <= math.MaxUint32 && i-n < steps/2 {
				last.bytes, last.messages = uint32(bytes), uint32(messages)
				continue
			}
			n++
			l.step[n] = next
		}
		l.n = uint8(n + 1)
		if most == math.MaxUint32 && l.n == steps {
			l.n = 0 // what is before wrote is one piece
		}
	}
}

// Written is what was handed to the system.
func (l *Ledger) Written() Mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wrote
}

// Safe is what the peer is known to have read, whatever becomes of the connection.
func (l *Ledger) Safe() Mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.safe
}

// Acknowledged is what the peer's system is known to have, and what the peer has read.
func (l *Ledger) Acknowledged() Mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.safe.Bytes > l.acked.Bytes {
		return l.safe
	}
	return l.acked
}

// Largest is the largest window of the peer's system that was seen.
func (l *Ledger) Largest() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int(l.window)
}

// Blind reports whether the system cannot tell.
func (l *Ledger) Blind() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.blind
}

// Look takes in what the system says; written is what Written was before it was asked.
// What the peer's system has, and may hold for a peer that never reads it, is not safe.
func (l *Ledger) Look(written Mark, st State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes, l.looked = 0, l.wrote.Bytes
	if !st.Known {
		l.blind, l.n = true, 0
		return
	}
	l.window = max(l.window, uint32(min(int64(st.Window), math.MaxUint32)))
	if acked := l.before(less(written.Bytes, st.Waiting)); acked.Bytes > l.acked.Bytes {
		l.acked = acked
	}
	if l.answers {
		return // who says what it has read knows better
	}
	l.advance(l.before(less(less(written.Bytes, st.Waiting), l.unread())))
}

// unread is how much a peer may have acknowledged and not handled: a system has room for more than it says, Linux for
// twice as much, and of what a program has read at once it may have handled nothing.
func (l *Ledger) unread() int { return 2*max(int(l.window), leastWindow) + readAtOnce }

func less(n uint64, by int) uint64 { return n - min(n, uint64(max(by, 0))) }

// Ask notes that the peer is being asked whether it has read all before m, and Answered
// that it has, and reports whether that was asked.
func (l *Ledger) Ask(m Mark) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = m
}

func (l *Ledger) Answered(bytes uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes != l.asked.Bytes {
		return false
	}
	l.answers = true
	l.advance(l.asked)
	return true
}

func (l *Ledger) advance(m Mark) {
	if m.Bytes <= l.safe.Bytes {
		return
	}
	l.safe = m
	at, k := l.wrote, l.n // m may lie within the first step that is left
	for k > 0 && at.Bytes > m.Bytes {
		k--
		at.Bytes -= uint64(l.step[k].bytes)
	}
	copy(l.step[:], l.step[k:l.n])
	l.n -= k
}

// before returns the last place at or before that many bytes.
func (l *Ledger) before(bytes uint64) Mark {
	m := l.wrote
	for k := l.n; ; k-- {
		if m.Bytes <= bytes {
			if m.Bytes < l.safe.Bytes {
				return l.safe
			}
			return m
		}
		if k == 0 {
			return l.safe
		}
		m.Bytes -= uint64(l.step[k-1].bytes)
		m.Messages -= uint64(l.step[k-1].messages)
	}
}

// Ended returns how many messages have left this machine, and how many of those the peer has
// read, of a stream that was in state st when it was closed. With proper the peer has ended
// it: what its system has acknowledged has been read then.
func (l *Ledger) Ended(st State, proper bool) (sent, proven uint64) {
	if !st.Known {
		return l.Written().Messages, l.Safe().Messages
	}
	if st.Lasts || proper {
		l.Look(l.Written(), st)
	}
	proven = l.Safe().Messages
	if proper {
		proven = l.Acknowledged().Messages
	}
	return max(l.left(st).Messages, proven), proven
}

// left is what has left this machine at most, of what was written, when st was asked after the connection was lost.
func (l *Ledger) left(st State) Mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	bytes := less(l.wrote.Bytes, st.Unsent)
	m := l.wrote
	for k := l.n; k > 0; k-- {
		before := Mark{m.Bytes - uint64(l.step[k-1].bytes), m.Messages - uint64(l.step[k-1].messages)}
		if before.Bytes < bytes {
			return m
		}
		m = before
	}
	return m
}
