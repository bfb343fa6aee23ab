package core

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/ws76/ws76/internal/outq"
)

// Fate says what is known of the messages that were given to a connection, counted from the first one. Of the first
// Proven the peer has read all bytes. Of those from there to Sent that is not known. The rest, up to Given, has not
// left this machine, at least not whole, and never will.
//
// While a connection lasts Sent is what the system has taken. It may be less in the end, and Proven more: TCP
// acknowledges for a peer's system, which may hold what a peer that dies has never read. So where a closing frame is
// missing, what the peer's system had room for is not known, acknowledged or not. In hixie-75 the end of the stream is
// the closing frame: what was acknowledged then has been read, as a system resets a connection that is closed with
// something unread (RFC 1122, 4.2.2.13). So is it where the peer's closing frame comes behind ours: it may
// have been sent before ours was read and proves nothing, so the end of the stream is waited for. Where that cannot
// tell, as over TLS, such a frame is taken for an answer unless it is known to be none.
type Fate struct {
	Given, Sent, Proven uint64
	Final               bool // the connection has ended, and its stream is closed
	// Unread: the peer had not read all that was sent when the stream was closed, as its
	// system had not acknowledged it, had hardly room for more, or reset the connection that
	// the peer closed. Only known over TCP, and where the peer has not answered our closing frame.
	Unread bool
}

// NotSent is how many messages have certainly not been sent, once the connection has ended.
func (f Fate) NotSent() uint64 { return f.Given - f.Sent }

// NotKnown is how many messages may have been read or not.
func (f Fate) NotKnown() uint64 { return f.Sent - f.Proven }

// outcome is what was known of what was written when the stream was closed.
type outcome struct {
	state    outq.State
	proper   bool // the peer has ended properly: with its closing frame, or behind ours
	answered bool // and with an answer to ours
	unread   bool
}

// Fate returns what is known now, and once the connection has ended and whoever sent has returned, for good.
func (c *Conn) Fate() Fate {
	end, l := c.outcome.Load(), c.ledger.Load()
	// After a write that has failed with a reset the stream ends as if properly.
	proper := end != nil && end.proper && !c.broken.Load()
	f := Fate{Given: c.countOut.messages.Load(), Final: end != nil}
	if l == nil {
		return f
	}
	f.Sent, f.Proven = l.Written().Messages, l.Safe().Messages
	f.Given = max(f.Given, f.Sent)
	if end == nil {
		return f
	}
	if f.Sent, f.Proven = l.Ended(end.state, proper); !end.state.Known && end.answered {
		f.Proven = f.Sent
	}
	// What comes once a peer has closed its stream its system does not acknowledge.
	f.Unread = end.unread || proper && !end.answered && end.state.Lasts && f.NotKnown() > 0
	return f
}

// settle notes what can be known only while the stream is not closed yet.
func (c *Conn) settle() {
	if c.vectored {
		c.writes.GiveUp() // a write that waits is not to get further behind our back
	}
	state, secure := outq.AskStream(c.stream)
	if c.proper.Load() && !c.answered.Load() {
		state = c.awaitTaken(state, c.closeTimeout) // it may be reading still what is on its way
		if state.Over && c.lingering.Load() {
			state.Waiting = max(0, state.Waiting-1) // the end of our half
		}
	}
	if secure {
		state.Unsent = 0 // of what it holds nobody knows which messages that is
	}
	end := &outcome{state: state, proper: c.proper.Load() || c.answered.Load(), answered: c.answered.Load()}
	switch l := c.ledger.Load(); {
	case l == nil || l.Written().Messages == 0 || !state.Lasts || end.proper:
	case state.Over:
		end.unread = c.reset.Load()
	default:
		now := c.awaitTaken(state, lastWords)
		end.unread = now.Lasts && !now.Over && (now.Waiting > 0 || now.Small(l.Largest()))
	}
	c.outcome.Store(end)
}

// lastWords is how long ours may be on their way still when the stream is to be closed.
const lastWords = 200 * time.Millisecond

// awaitTaken waits, for so long at most, until the peer's system has all that was
// written. st is what was known before, and what is known then is returned.
func (c *Conn) awaitTaken(st outq.State, most time.Duration) outq.State {
	for until := time.Now().Add(most); st.Lasts && !st.Over && st.Waiting > 0 && time.Now().Before(until); {
		time.Sleep(time.Millisecond)
		st, _ = outq.AskStream(c.stream)
	}
	return st
}

// wrote takes a write into the books. With whole, all that was given has been handed to
// the system; otherwise so many messages of this write.
func (c *Conn) wrote(whole bool, messages int) {
	l := c.theLedger()
	before := l.Written()
	after := outq.Mark{Bytes: c.bytesOut, Messages: c.messagesOut}
	if !whole {
		after.Messages = before.Messages + uint64(messages)
	}
	if l.Wrote(after) {
		c.look(l)
	}
}

func (c *Conn) theLedger() *outq.Ledger {
	l := c.ledger.Load()
	if l == nil {
		c.ledger.CompareAndSwap(nil, new(outq.Ledger))
		l = c.ledger.Load()
	}
	return l
}

func (c *Conn) look(l *outq.Ledger) {
	written := l.Written()
	st, _ := outq.AskStream(c.stream)
	l.Look(written, st)
}

// SeekProof has RFC 6455 ask the peer from now on, with a ping behind what is written, one at a time, whether it has
// read that. The pong is seen by Receive. The drafts have nothing to ask with.
func (c *Conn) SeekProof() {
	if !c.dialect.Lacks().Pings && !c.proving.Swap(true) {
		c.askSoon()
	}
}

// Bounds of Prove.
const (
	proveLook    = 200 * time.Microsecond // the first pause between two looks
	proveLookMax = 20 * time.Millisecond
	proveTimeout = time.Minute
)

// ErrNotProven is wrapped by what Prove returns when the peer has been silent too long.
var ErrNotProven = errors.New("the peer has not acknowledged what was sent")

// Prove waits until what was sent before is proven, as well as the dialect can: by the pong to a ping in RFC 6455, for
// which somebody has to be in Receive, and otherwise by the acknowledgement of the peer's system. Where there is none
// either, on a serial line say, it returns at once. Its errors are the end of the connection, the cause of ctx, and
// ErrNotProven after a minute.
func (c *Conn) Prove(ctx context.Context) error {
	l := c.ledger.Load()
	if l == nil {
		return nil
	}
	target := l.Written()
	c.SeekProof()
	ctx, cancel := context.WithTimeoutCause(ctx, proveTimeout, fmt.Errorf("%w within %v", ErrNotProven, proveTimeout))
	defer cancel()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for wait := proveLook; ; wait = min(2*wait, proveLookMax) {
		ended := c.ended.Load()
		got := l.Safe()
		if c.dialect.Lacks().Pings && ended == nil {
			c.look(l)
			got = l.Acknowledged()
		}
		switch {
		case got.Messages >= target.Messages, c.dialect.Lacks().Pings && l.Blind() && ended == nil:
			return nil
		case ended != nil:
			if c.Fate().Proven >= target.Messages {
				return nil
			}
			return ended
		}
		pause.Reset(wait)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// askSoon has whoever sends next, or nobody else does, ask for proof.
func (c *Conn) askSoon() {
	c.askDue.Store(true)
	if c.writing.tryTake() {
		c.leaveWriting()
	}
}

// ask puts a ping behind what is queued, unless one is under way. The caller holds writing.
func (c *Conn) ask() {
	if c.vector != nil || c.closing.Load() || !c.asking.CompareAndSwap(false, true) {
		return
	}
	c.fold()
	c.borrowOut()
	m := outq.Mark{Bytes: c.bytesOut + uint64(len(c.out)), Messages: c.messagesOut}
	c.theLedger().Ask(m)
	c.out = c.framing.appendPing(c.out, binary.BigEndian.AppendUint64(make([]byte, 0, 8), m.Bytes))
}

// askNow sends a ping by itself where there is something to be proven.
func (c *Conn) askNow() {
	l := c.ledger.Load()
	if l == nil || l.Written().Messages == l.Safe().Messages || c.closing.Load() || c.writeErr != nil || c.asking.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.closeTimeout)
	defer cancel()
	c.write(ctx) // which asks; its error is kept in writeErr
}

// sawPong takes a pong, which may be one that nobody asked for.
func (c *Conn) sawPong(data []byte) {
	if !c.asking.Load() || len(data) != 8 {
		return
	}
	l := c.theLedger()
	if l.Answered(binary.BigEndian.Uint64(data)) {
		c.asking.Store(false)
		if l.Written().Messages > l.Safe().Messages {
			c.askSoon()
		}
	}
}
