package scripts

import (
	"errors"
	"fmt"
	"log/slog"
	"unsafe"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/scripts/lauxlib"
	"github.com/ws76/ws76/scripts/luastring"
)

// link is one script in one session.
type link struct {
	script  *Script
	session *Session
	conns   [2]*conn // by relay.Side; nil: no connection there
	lines   bool
	next    relay.Sink
	do      func(func() error) error
	end     func(error)

	// Guarded by the script's lock.
	outbox     []emission // sent by the script, not handed on yet
	spare      []emission // room for the next one
	bytes      int        // in outbox
	delivering bool       // a goroutine sees to the outbox
	over       bool
	unsent     int            // that the script has held back until the end, as on_close says
	in, out    []core.Message // scratch of the sink
}

// emission is a message that goes on to the rest of the chain.
type emission struct {
	d relay.Direction
	m core.Message
}

// bind takes the link into a session and calls on_open.
func (l *link) bind(next relay.Sink, do func(func() error) error, end func(error)) (relay.Sink, error) {
	l.do, l.end = do, end
	s := l.script
	st := s.enter()
	l.next = next
	if st == nil {
		if s.policy() != Pass {
			return l.sink, nil
		}
		return next, nil
	}
	if s.started {
		// Tasks of on_open are to be there before the first message is.
		ready := len(st.ready)
		for _, c := range l.conns {
			if c != nil && !st.lost {
				s.conns[c.peer.ID] = c
				st.call(onOpen, st.userdata(c))
			}
		}
		st.resumeFrom(ready)
	}
	out := l.take(st)
	// A hook, or a task that waits for messages, may be there later still.
	sink := next
	if s.path != "" || st.lost || s.wants.Load() != 0 || s.policy() != Pass || st.lastID > 0 || st.seq > 0 || len(st.opened) > 0 {
		sink = l.sink
	}
	s.leaveFrom(st)
	if err := l.emit(out); err != nil {
		return nil, err
	}
	return sink, nil
}

// resumeFrom runs the tasks that became ready since there were n of them.
func (st *state) resumeFrom(n int) {
	for !st.lost && len(st.ready) > n {
		r := st.ready[n]
		st.ready = append(st.ready[:n], st.ready[n+1:]...)
		st.resume(r)
	}
}

// sink takes one message of the session.
func (l *link) sink(d relay.Direction, m core.Message) error {
	if l.session.ended {
		return relay.ErrStop // what had come in already, or from the other side
	}
	s := l.script
	wants := s.wants.Load()
	from, to := l.conns[d.From()], l.conns[d.To()]
	in, out := numEvents, numEvents
	if from != nil && wants&(1<<onMessage) != 0 {
		in = onMessage
	} else if l.lines && d == relay.AToB && wants&(1<<onLine) != 0 {
		in = onLine
	}
	if to != nil && wants&(1<<onSend) != 0 {
		out = onSend
	}
	listening := from != nil && from.listening.Load()
	if in == numEvents && out == numEvents && !listening {
		return l.next(d, m)
	}
	st := s.enter()
	if st == nil {
		return l.missed(d, m)
	}
	if in != numEvents && out == numEvents && !listening && len(l.outbox) == 0 {
		return l.one(st, in, from, d, m)
	}
	if in == numEvents && out != numEvents && !listening && len(l.outbox) == 0 {
		return l.one(st, out, to, d, m)
	}
	return l.all(st, in, out, d, m)
}

// one takes a message through one hook. It is the common case, without a detour.
func (l *link) one(st *state, e event, c *conn, d relay.Direction, m core.Message) error {
	s := l.script
	result, data, err := st.message(e, c, m)
	if err != nil || st.lost {
		return l.failed(st, err, d, m)
	}
	if len(l.outbox) == 0 {
		switch v := result.(type) {
		case lua.LString:
			if same(v, data) {
				s.leave()
				return l.next(d, m)
			}
		case *lua.LNilType:
			s.leave()
			return l.next(d, m)
		case lua.LBool:
			s.leave()
			if v {
				return l.next(d, m)
			}
			return nil
		}
	}
	l.out = l.out[:0]
	err = st.results(result, m, &l.out)
	if err != nil {
		return l.failed(st, st.failed(e, err), d, m)
	}
	return l.hand(st, d)
}

// all takes a message through what it may meet: on_message or on_line, tasks that wait for it, on_send.
func (l *link) all(st *state, in, out event, d relay.Direction, m core.Message) error {
	from, to := l.conns[d.From()], l.conns[d.To()]
	l.in, l.out = append(l.in[:0], m), l.out[:0]
	if in != numEvents {
		l.in = l.in[:0]
		if err := st.through(in, from, m, &l.in); err != nil || st.lost {
			return l.failed(st, err, d, m)
		}
	}
	for _, m := range l.in {
		if from != nil && from.offer(st, m) {
			if st.lost {
				return nil
			}
			continue
		}
		if out == numEvents {
			l.out = append(l.out, m)
		} else if err := st.through(out, to, m, &l.out); err != nil || st.lost {
			return l.failed(st, err, d, m)
		}
	}
	return l.hand(st, d)
}

// through takes m through one hook and appends what comes out.
func (st *state) through(e event, c *conn, m core.Message, out *[]core.Message) error {
	result, _, err := st.message(e, c, m)
	if err != nil {
		return err
	}
	if err := st.results(result, m, out); err != nil {
		return st.failed(e, err)
	}
	return nil
}

// hand gives the lock back and hands on what the script has sent, then l.out.
func (l *link) hand(st *state, d relay.Direction) error {
	sent := l.take(st)
	out := l.out
	l.out = nil // another sink may not run, but a reload may
	l.script.leave()
	err := l.emit(sent)
	for _, m := range out {
		if err == nil {
			err = l.next(d, m)
		}
	}
	clear(out)
	l.out = out[:0]
	return err
}

// failed does with a message what the policy says about one whose hook failed.
func (l *link) failed(st *state, err error, d relay.Direction, m core.Message) error {
	s := l.script
	var sent []emission
	if !st.lost {
		sent = l.take(st)
		s.leave()
	}
	if e := l.emit(sent); e != nil {
		return e
	}
	var exit *ExitError
	if errors.As(err, &exit) {
		return relay.ErrStop
	}
	switch s.policy() {
	case Pass:
		return l.next(d, m)
	case Drop:
		return nil
	}
	l.session.ended = true
	return err
}

// missed does with a message what the policy says where the script that is to see it
// does not run. Where it was stopped, its connections end as well.
func (l *link) missed(d relay.Direction, m core.Message) error {
	switch p := l.script.policy(); {
	case p == Pass:
		return l.next(d, m)
	case p == Drop || !l.script.down.Load():
		return nil
	}
	l.session.ended = true
	return errDown
}

var errDown = errors.New("the script that is to see the message does not run: it could not start or be loaded anew, or a call of it did not stop")

// kinds of messages as Lua has them.
var (
	kindText   lua.LValue = lua.LString(core.Text.String())
	kindBinary lua.LValue = lua.LString(core.Binary.String())
)

func kindValue(k core.Kind) lua.LValue {
	if k == core.Binary {
		return kindBinary
	}
	return kindText
}

// message calls a hook of messages. data is m's as the hook was given it. An error has been reported.
func (st *state) message(e event, c *conn, m core.Message) (result lua.LValue, data lua.LString, err error) {
	fn := st.hooks[e]
	if fn == nil || st.script.off[e] {
		return lua.LNil, "", nil
	}
	L := st.L
	st.begin()
	st.budget.Given(len(m.Data))
	data = lua.LString(m.Data)
	n := 1
	if e != onLine {
		lauxlib.Push4(L, fn, st.userdata(c), data, kindValue(m.Kind))
		n = 3
	} else {
		L.Push(fn)
		L.Push(data)
	}
	result, err = st.protected(n)
	if err = st.end(err); err != nil {
		failed := st.failed(e, err)
		if !st.lost {
			if exit := st.exitCause(); exit != nil {
				return result, data, exit
			}
		}
		return result, data, failed
	}
	st.script.errs[e] = 0
	if st.setsHooks {
		st.refresh()
	}
	return result, data, nil
}

// same reports whether v is the string s itself.
func same(v, s lua.LString) bool {
	return len(v) == len(s) && unsafe.StringData(string(v)) == unsafe.StringData(string(s))
}

// take returns what the script has sent on this link. The caller has the lock, and the right to call next.
func (l *link) take(st *state) []emission {
	if st.lost || len(l.outbox) == 0 {
		return nil
	}
	out := l.outbox
	l.outbox, l.spare, l.bytes = l.spare[:0], nil, 0
	return out
}

// emit hands on what take returned.
func (l *link) emit(out []emission) error {
	for _, e := range out {
		if err := l.next(e.d, e.m); err != nil {
			return err
		}
	}
	return nil
}

// maxOutboxBytes bounds, beside MaxQueue, what waits for a connection.
const maxOutboxBytes = 16 << 20

// outboxFull returns an error where m may not wait as well for a connection, beside so many messages and bytes.
func (s *Script) outboxFull(messages, bytes int, m core.Message) error {
	switch {
	case messages >= s.o.Limits.MaxQueue:
		return fmt.Errorf("%d messages wait to be sent already, which is the limit%s", messages, luastring.RaisedBy(s.o.Limits.Names.MaxQueue))
	case bytes+len(m.Data) > maxOutboxBytes:
		return fmt.Errorf("%d messages of %d bytes wait to be sent already; the limit is %d bytes", messages, bytes, maxOutboxBytes)
	}
	return nil
}

// send puts a message to the peer of c in line.
func (l *link) send(c *conn, m core.Message) error {
	s := l.script
	if err := s.outboxFull(len(l.outbox), l.bytes, m); err != nil {
		return err
	}
	l.outbox = append(l.outbox, emission{relay.Towards(c.side), m})
	l.bytes += len(m.Data)
	if !l.delivering {
		s.dirty = append(s.dirty, l)
	}
	return nil
}

// deliver hands on what the script has sent outside of the session's own hooks.
func (l *link) deliver() {
	s := l.script
	for {
		ended := false
		err := l.do(func() error {
			s.mu.Lock()
			out := l.outbox
			l.outbox, l.bytes = nil, 0
			s.mu.Unlock()
			err := l.emit(out)
			ended = err != nil && l.session.ended
			return err
		})
		if ended && l.end != nil { // which who hands messages to the session learns from its sink
			l.end(err)
		}
		s.mu.Lock()
		if err != nil {
			l.outbox, l.bytes = nil, 0 // the session has ended
		}
		if len(l.outbox) == 0 {
			l.delivering = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
	}
}

// closed calls on_error and on_close for the connections of the link.
func (l *link) closed(err error) {
	s := l.script
	s.mu.Lock()
	st := s.cur
	l.over, l.outbox = true, nil
	for _, c := range l.conns {
		if c == nil || c.gone {
			continue
		}
		if c.finish(st, err); st != nil && st.lost {
			s.mu.Lock()
			st = s.cur // what the watchdog has loaded anew, if that
		}
	}
	s.leave()
}

// frame calls on_frame.
func (l *link) frame(side relay.Side, sent bool, typ byte, payload []byte) {
	s, c := l.script, l.conns[side]
	if c == nil || s.wants.Load()&onFrame.bit() == 0 {
		return
	}
	st := s.enter()
	if st == nil {
		return
	}
	if !c.gone && l.next != nil {
		dir := lua.LString("in")
		if sent {
			dir = "out"
		}
		st.call(onFrame, st.userdata(c), lua.LNumber(typ), lua.LString(payload), dir)
	}
	s.leaveFrom(st)
}

// errorOff says that a hook is switched off.
func (s *Script) errorOff(e event) {
	s.o.log(slog.LevelError, "%s: %s failed %d times in a row and is switched off until the script is loaded anew", s.name, e, maxErrors)
}
