package scripts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/rfc6455"
	"github.com/ws76/ws76/scripts/luastring"
)

// owned is a connection that the script has opened or accepted itself. One
// goroutine receives and one sends; both belong to the script.
type owned struct {
	*conn
	st   *state // that has opened it
	wire *core.Conn

	ctx    context.Context // ends when the connection is given up
	cancel context.CancelFunc

	ofTest bool          // hooks do not see it
	before *Session      // of Options.Before; nil: none
	sink   relay.Sink    // through it, once bound is closed
	bound  chan struct{} // not nil where there is before

	// Guarded by the script's lock.
	inbox      []received
	inboxBytes int
	wanted     bool          // somebody has received: what comes in is kept
	dropped    bool          // some of that was, which has been said
	failed     bool          // on_message has, and its policy is that nothing more passes
	room       chan struct{} // not nil: the receiver waits for room in inbox
	outbox     []core.Message
	given      uint64 // messages that were put in line
	outBytes   int
	sending    bool // the sender runs
	ending     bool // it is to close
	closed     bool // it has
	code       int
	reason     string
}

// received is a message that no task has taken yet.
type received struct {
	data lua.LString
	kind core.Kind
}

// adopt makes a connection of the script's own. The caller has the lock.
func (s *Script) adopt(st *state, wire *core.Conn, role string) *conn {
	peer := NewPeer(wire, role)
	peer.ID = lastID.Add(1)
	c := &conn{script: s, peer: peer}
	o := &owned{conn: c, st: st, wire: wire}
	o.ctx, o.cancel = context.WithCancel(s.ctx)
	c.owned = o
	o.wanted = st.hooks[onMessage] == nil
	if len(s.o.Before) > 0 {
		o.before, o.bound = s.o.Before.Session(NewPeer(wire, role), nil, false), make(chan struct{})
	}
	s.conns[peer.ID] = c
	s.running.Go(o.read)
	return c
}

// next takes the oldest message that has come in.
func (o *owned) next() (received, bool) {
	if len(o.inbox) == 0 {
		return received{}, false
	}
	m := o.inbox[0]
	o.inbox[0] = received{}
	o.inbox = o.inbox[1:]
	o.inboxBytes -= len(m.data)
	o.makeRoom()
	return m, true
}

// makeRoom lets the receiver look again whether it may hand on what it has.
func (o *owned) makeRoom() {
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
}

// full reports whether the inbox takes no more.
func (o *owned) full() bool {
	return len(o.inbox) >= o.script.o.Limits.MaxQueue || o.inboxBytes > maxOutboxBytes
}

// keep puts a message into the inbox. Where that is full somebody waits for an answer
// that may be behind it, and the oldest makes room.
func (o *owned) keep(m received) {
	if o.ending && o.full() {
		return
	}
	for len(o.inbox) > 0 && o.full() {
		o.next()
		if s := o.script; !o.dropped {
			o.dropped = true
			s.o.log(slog.LevelWarn, "%s: %s: %d messages that match no request wait for conn:receive, which is the limit%s; the oldest are dropped",
				s.name, o.peer.Remote, len(o.inbox)+1, luastring.RaisedBy(s.o.Limits.Names.MaxQueue))
		}
	}
	o.inbox = append(o.inbox, m)
	o.inboxBytes += len(m.data)
}

// read receives until the connection ends.
func (o *owned) read() {
	defer o.cancel()
	err := o.bind()
	for err == nil {
		var m core.Message
		if m, err = o.wire.Receive(o.ctx); err != nil {
			break
		}
		if o.sink != nil {
			err = o.sink(relay.AToB, m)
		} else if !o.take(m) {
			break
		}
	}
	if o.before != nil {
		o.before.Closed(err)
	}
	if err == relay.ErrStop {
		err = nil
	}
	s := o.script
	s.mu.Lock()
	o.gone = true
	st := s.cur
	if st != o.st {
		st = nil
	}
	o.ending = true
	o.startSending()
	o.finish(st, err)
	if st == nil || !st.lost {
		s.leave()
	}
}

// bind takes the scripts before this one into the connection.
func (o *owned) bind() error {
	if o.before == nil {
		return nil
	}
	defer close(o.bound)
	var err error
	o.sink, err = o.before.Bind(func(d relay.Direction, m core.Message) error {
		if d == relay.BToA {
			return o.wire.Send(o.ctx, m)
		}
		if !o.take(m) {
			return relay.ErrStop
		}
		return nil
	}, nil, func(error) { o.shut(rfc6455.CodeNormal, "") })
	return err
}

// put sends a message, or puts it into batch.
func (o *owned) put(batch *core.Batch, m core.Message) error {
	if o.bound == nil {
		return batch.Queue(o.ctx, m)
	}
	select {
	case <-o.bound:
	case <-o.ctx.Done():
		return context.Cause(o.ctx)
	}
	return o.sink(relay.BToA, m)
}

// take hands one message to the script, and waits while it has too many.
func (o *owned) take(m core.Message) bool {
	s := o.script
	for {
		st := s.enter()
		if st == nil {
			return false
		}
		if st != o.st {
			s.leave()
			return false
		}
		if len(o.receivers) > 0 || o.ending || !o.full() {
			o.arrived(st, m)
			s.leaveFrom(st)
			return !st.lost
		}
		room := make(chan struct{})
		o.room = room
		s.leave()
		s.running.live.Add(-1) // it does nothing until the script does
		select {
		case <-room:
		case <-o.ctx.Done():
		}
		s.running.live.Add(1)
		if o.ctx.Err() != nil {
			return false
		}
	}
}

// arrived takes a message through on_message, to a task that waits for it, or to
// the inbox.
func (o *owned) arrived(st *state, m core.Message) {
	if o.failed {
		return
	}
	var passed []core.Message
	if o.ofTest || st.hooks[onMessage] == nil || st.script.off[onMessage] {
		passed = append(passed, m)
	} else if err := st.through(onMessage, o.conn, m, &passed); err != nil || st.lost {
		if !st.lost && st.script.policy() >= Close {
			o.failed = true
			o.close(rfc6455.CodeInternalError, "")
		}
		return
	}
	for _, m := range passed {
		if st.lost || o.offer(st, m) || !o.wanted {
			continue
		}
		o.keep(received{lua.LString(m.Data), m.Kind})
	}
}

// send puts a message in line. The caller has the lock.
func (o *owned) send(m core.Message) error {
	if err := o.script.outboxFull(len(o.outbox), o.outBytes, m); err != nil {
		return err
	}
	o.outbox = append(o.outbox, m)
	o.given++
	o.outBytes += len(m.Data)
	o.startSending()
	return nil
}

// close closes the connection once what is in line has been sent. The caller has
// the lock.
func (o *owned) close(code int, reason string) {
	if !o.ending {
		o.ending, o.closing, o.code, o.reason = true, true, code, reason
		o.makeRoom() // the peer's closing frame is behind what it has sent
		o.startSending()
	}
}

// shut is close for who does not have the lock.
func (o *owned) shut(code int, reason string) {
	o.script.mu.Lock()
	defer o.script.mu.Unlock()
	o.close(code, reason)
}

// startSending starts the goroutine that sends. A script that stops still sends
// what is in line, and its Stop waits for the goroutine that receives, which waits
// for this one.
func (o *owned) startSending() {
	if o.sending || o.closed {
		return
	}
	o.sending = true
	o.script.running.Go(o.write)
}

// write sends what is in line, and closes the connection if it is to be.
func (o *owned) write() {
	s := o.script
	batch := o.wire.Batch()
	for {
		s.mu.Lock()
		out := o.outbox
		o.outbox, o.outBytes = nil, 0
		if len(out) == 0 {
			end := o.ending && !o.closed
			o.sending, o.closed = false, o.closed || end
			code, reason := o.code, o.reason
			s.mu.Unlock()
			if end {
				ctx, cancel := context.WithTimeout(o.ctxUnlessOver(), closeTime)
				o.wire.CloseWith(ctx, code, reason)
				cancel()
				o.account()
			}
			return
		}
		s.mu.Unlock()
		var err error
		for _, m := range out {
			if err = o.put(batch, m); err != nil {
				break
			}
		}
		if e := batch.Flush(o.ctx); err == nil {
			err = e
		}
		if err != nil {
			var closed *core.CloseError
			if o.ctx.Err() == nil && !errors.As(err, &closed) && err != relay.ErrStop {
				s.mu.Lock()
				s.report(&Error{Script: s.name, In: "conn:send", Text: fmt.Sprintf("to %s: %v", o.peer.Remote, err)})
				o.outbox = nil
				o.close(rfc6455.CodeInternalError, "")
				s.mu.Unlock()
			}
		}
	}
}

// account says what became of messages that the peer, whose connection is closed, may not
// have read.
func (o *owned) account() {
	f, end, s := o.wire.Fate(), o.wire.Ended(), o.script
	s.mu.Lock()
	given, unseen := o.given, s.stopped || o.closing && o.st.hooks[onClose] == nil
	s.mu.Unlock()
	if o.bound != nil { // which may have made more of them, or less
		given = f.Given
	}
	var lost UndeliveredError
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if unseen {
			s.unseen.NotSent += lost.NotSent
			s.unseen.NotKnown += lost.NotKnown
		}
	}()
	if n := given - min(f.Sent, given); n > 0 {
		lost.NotSent = n
		s.o.log(slog.LevelWarn, "%s: %s: %d messages were not sent: the connection ended before", s.name, o.peer.Remote, n)
	}
	if n := f.NotKnown(); n > 0 && (f.Unread || end != nil && !end.Clean && !end.Unanswered) {
		lost.NotKnown = n
		s.o.log(slog.LevelWarn, "%s: %s: of %d messages it is not known whether they arrived", s.name, o.peer.Remote, n)
	}
}

// ctxUnlessOver is a context for closing: the connection's own, while that lives.
func (o *owned) ctxUnlessOver() context.Context {
	if o.ctx.Err() != nil {
		return context.Background()
	}
	return o.ctx
}

// closeTime is for closing a connection of the script's own.
const closeTime = 5 * time.Second

// stopTime is for the end of Run.
var stopTime = 10 * time.Second

func afterGrace() <-chan time.Time { return time.After(time.Second) }
