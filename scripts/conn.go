package scripts

import (
	"errors"
	"fmt"
	"log/slog"
	"sort"
	"sync/atomic"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/scripts/lauxlib"
)

// conn is a connection as one script sees it: what a conn object of Lua stands for.
// It is guarded by the script's lock.
type conn struct {
	script *Script
	peer   *Peer
	side   relay.Side
	other  *conn  // of the same session
	link   *link  // nil where the script has opened it itself
	owned  *owned // nil where it has not

	object   *lua.LUserData // in the state objectOf
	objectOf *state
	data     *lua.LTable

	receivers []*receiver
	listening atomic.Bool // there are receivers
	closing   bool        // conn:close was called
	gone      bool        // it has ended
}

// receiver is a task that waits for a message of a connection.
type receiver struct {
	wait  *wait
	what  string     // the function that waits
	match lua.LValue // a pattern, a function, or nil for any
}

// userdata returns the conn object, the same one in all of a state's life.
func (st *state) userdata(c *conn) *lua.LUserData {
	if c.objectOf != st {
		c.object, c.objectOf = st.object(c, connObject), st
	}
	return c.object
}

// forget takes away what belongs to a state that ends.
func (c *conn) forget(st *state) {
	c.receivers = nil
	c.listening.Store(false)
	if c.owned != nil && c.owned.st == st {
		go c.owned.shut(1001, "")
	}
}

// offer gives a message to the first task that waits for one like it, or else to the
// one that takes any, and lets that run until it waits again, so that it misses
// nothing of what follows.
func (c *conn) offer(st *state, m core.Message) bool {
	if len(c.receivers) == 0 {
		return false
	}
	data, r, before := lua.LString(m.Data), c.plain(), len(st.ready)
	for _, other := range c.receivers {
		if other.match == nil || other.wait.over {
			continue
		}
		matches, err := st.matches(other, data)
		if st.lost {
			return true
		}
		if other.wait.over { // the function may have cancelled the task
			continue
		}
		if err != nil {
			st.wake(other.wait, lua.LNil, lua.LString("conn:request: match: "+err.Error()), lua.LString("error"))
		} else if matches {
			r = other
			break
		}
	}
	if r == nil || r.wait.over {
		st.resumeFrom(before)
		return st.lost
	}
	st.wake(r.wait, data, kindValue(m.Kind))
	st.resumeFrom(before)
	return true
}

// plain returns the task that takes any message, or nil.
func (c *conn) plain() *receiver {
	for _, r := range c.receivers {
		if r.match == nil {
			return r
		}
	}
	return nil
}

// onlyPlain raises an error where a task waits for any message already: which of two
// would get one could not be told.
func (c *conn) onlyPlain(L *lua.LState, what string) {
	if r := c.plain(); r != nil {
		raise(L, "%s: another task (%s, in %s) waits for any message of this connection already; conn:request with match = \"…\" beside it gets what matches, and a ws76.queue shares out work",
			what, r.wait.task.name, r.what)
	}
}

// matches reports whether a message is what r waits for. An error has been reported.
func (st *state) matches(r *receiver, data lua.LString) (bool, error) {
	fn, args := r.match, []lua.LValue{data}
	if pattern, ok := r.match.(lua.LString); ok {
		fn, args = st.L.NewFunction(st.budget.Find), []lua.LValue{data, pattern}
	}
	result, err := st.run(fn, args...)
	if err != nil && !st.lost {
		st.failedOutside("match", err)
		err = errors.New(st.newError("match", err).Text)
	}
	return err == nil && lua.LVAsBool(result), err
}

// receive makes the running task wait for a message.
func (st *state) receive(L *lua.LState, c *conn, what string, match lua.LValue, timeout lua.LValue) int {
	w := st.waitHere(L, what)
	r := &receiver{wait: w, what: what, match: match}
	c.receivers = append(c.receivers, r)
	c.listening.Store(true)
	if c.owned != nil {
		c.owned.makeRoom() // what is behind a full inbox may be what is waited for
	}
	w.stop = func() {
		for i, other := range c.receivers {
			if other == r {
				c.receivers = append(c.receivers[:i:i], c.receivers[i+1:]...)
			}
		}
		c.listening.Store(len(c.receivers) > 0)
	}
	if timeout != lua.LNil {
		st.wakeAfter(w, seconds(timeout.(lua.LNumber)), timedOut()...)
	}
	return st.yield(L)
}

// finish tells the script that a connection has ended because of err. st may be
// nil.
func (c *conn) finish(st *state, err error) {
	s := c.script
	c.gone = true
	delete(s.conns, c.peer.ID)
	if st == nil {
		return
	}
	for len(c.receivers) > 0 {
		st.wake(c.receivers[0].wait, lua.LNil, lua.LString("closed"))
	}
	if st.hooks[onClose] == nil && st.hooks[onError] == nil || c.owned != nil && c.owned.ofTest {
		return
	}
	ended := closeError(err)
	if ended == nil && c.peer.Ended != nil {
		ended = closeError(c.peer.Ended())
	}
	if err == nil && ended != nil && !ended.Clean && !ended.Unanswered {
		err = ended
	}
	if own, ok := err.(*relay.SideError); ok && own.Side == c.side {
		err = own.Err // which connection that was the script is told beside it
	}
	// The peer may be faster than the closing frame that the script has asked for.
	if isClean(err) || c.closing && errors.Is(err, core.ErrNoClosingFrame) {
		err = nil
	}
	if err != nil && (ended == nil || !ended.Clean && !ended.Unanswered) {
		st.call(onError, st.userdata(c), lua.LString(err.Error()))
	}
	if !st.lost && st.hooks[onClose] != nil {
		if n, ok := st.call(onClose, st.userdata(c), c.closeInfo(st, ended, err)); ok && lua.LVAsNumber(n) > 0 {
			c.link.unsent += int(lua.LVAsNumber(n))
		}
	}
}

// isClean reports whether err is nothing but the proper end of a connection.
func isClean(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if ended, ok := err.(*core.CloseError); ok {
			return ended.Clean
		}
		if err == relay.ErrClosed {
			return true
		}
	}
	return false
}

// closeInfo is the second argument of on_close.
func (c *conn) closeInfo(st *state, ended *core.CloseError, err error) *lua.LTable {
	info := statsTable(st.L, c.peer.stats())
	set := func(name string, v lua.LValue) { info.RawSetString(name, v) }
	set("by", lua.LString("us"))
	set("clean", lua.LBool(err == nil))
	if ended != nil {
		set("clean", lua.LBool(ended.Clean))
		set("code", lua.LNumber(ended.Code))
		set("reason", lua.LString(ended.Reason))
		if ended.ByPeer || ended.Err != nil {
			set("by", lua.LString("peer"))
		}
	}
	if err != nil {
		set("error", lua.LString(err.Error()))
	}
	return info
}

func statsTable(L *lua.LState, s core.Stats) *lua.LTable {
	t := L.CreateTable(0, 8)
	for name, n := range map[string]uint64{
		"messages_in": s.MessagesIn, "messages_out": s.MessagesOut, "bytes_in": s.BytesIn, "bytes_out": s.BytesOut,
	} {
		t.RawSetString(name, lua.LNumber(n))
	}
	return t
}

func checkConn(L *lua.LState) *conn {
	if ud, ok := L.Get(1).(*lua.LUserData); ok {
		if c, ok := ud.Value.(*conn); ok {
			return c
		}
	}
	raise(L, "want a connection before the method, as in conn:send(…), got %s", describe(L.Get(1)))
	return nil
}

// connIndex is conn.FIELD.
func connIndex(methods *lua.LTable) lua.LGFunction {
	return func(L *lua.LState) int {
		st, c := stateOf(L), checkConn(L)
		key, _ := L.Get(2).(lua.LString)
		var v lua.LValue
		switch key {
		case "id":
			v = lua.LNumber(c.peer.ID)
		case "dialect":
			v = lua.LString(c.peer.Dialect)
		case "transport":
			v = lua.LString(c.peer.Transport)
		case "remote":
			v = lua.LString(c.peer.Remote)
		case "path":
			v = lua.LString(c.peer.Path)
		case "origin":
			v = lua.LString(c.peer.Origin)
		case "protocol":
			v = lua.LString(c.peer.Protocol)
		case "role":
			v = lua.LString(c.peer.Role)
		case "open":
			v = lua.LBool(!c.gone && !c.closing)
		case "peer":
			v = lua.LNil
			if c.other != nil {
				v = st.userdata(c.other)
			}
		case "data":
			if c.data == nil {
				c.data = st.L.NewTable()
			}
			v = c.data
		default:
			v = methods.RawGetString(string(key))
		}
		L.Push(v)
		return 1
	}
}

// connNewIndex is conn.data = {…}; nothing else can be set.
func connNewIndex(L *lua.LState) int {
	stateOf(L)
	c := checkConn(L)
	t, ok := L.Get(3).(*lua.LTable)
	if key := L.Get(2).String(); key != "data" || !ok {
		raise(L, "conn.%s cannot be set; keep what is yours in conn.data", key)
	}
	c.data = t
	return 0
}

func connString(L *lua.LState) int {
	c := checkConn(L)
	L.Push(lua.LString(fmt.Sprintf("conn %d (%s)", c.peer.ID, c.peer.Remote)))
	return 1
}

// connSend is conn:send(data[, kind]).
func connSend(L *lua.LState) int {
	stateOf(L)
	c := checkConn(L)
	if m, name, err := c.message(L, L.Get(2), L.Get(3)); err != nil {
		return fail(L, name, "%v", err)
	} else if err := c.send(m); err != nil {
		return fail(L, "full", "%v", err)
	}
	L.Push(lua.LTrue)
	return 1
}

// message makes the message that is to be sent to c of arguments. What the
// connection cannot carry is refused here, where the script can learn of it.
func (c *conn) message(L *lua.LState, data, kindArg lua.LValue) (m core.Message, name string, err error) {
	if n, ok := data.(lua.LNumber); ok {
		data = lua.LString(n.String())
	}
	text, ok := data.(lua.LString)
	if !ok {
		raise(L, "conn:send: want a string, got %s", describe(data))
	}
	if kindArg != lua.LNil {
		if m.Kind, err = parseKind(kindArg); err != nil {
			raise(L, "conn:send: %v", err)
		}
	}
	m.Data = bytesOf(string(text))
	switch {
	case c.gone || c.closing:
		return m, "closed", fmt.Errorf("the connection is closed")
	case m.Kind == core.Binary && (c.peer.Dialect == core.Hixie75 || c.peer.Dialect == core.Hixie76):
		return m, "binary", core.ErrBinary
	case m.Kind == core.Text && !hixie.ValidUTF8(m.Data):
		return m, "utf8", &core.InvalidUTF8Error{Offset: hixie.InvalidAt(m.Data)}
	}
	return m, "", nil
}

// send puts a message in line.
func (c *conn) send(m core.Message) error {
	if c.owned != nil {
		return c.owned.send(m)
	}
	return c.link.send(c, m)
}

// LostError ends a session whose connection a script takes for lost (conn:lost).
type LostError struct {
	Script string
	Reason string // may be ""
}

func (e *LostError) Error() string {
	if e.Reason == "" {
		return e.Script + " takes the connection for lost"
	}
	return e.Script + " takes the connection for lost: " + e.Reason
}

// connLost is conn:lost([reason]).
func connLost(L *lua.LState) int {
	lost := &LostError{Script: stateOf(L).script.name}
	if text, ok := L.Get(2).(lua.LString); ok {
		lost.Reason = string(text)
	}
	return closeConn(L, 1001, lost.Reason, lost)
}

// connClose is conn:close([code, reason]).
func connClose(L *lua.LState) int {
	code, reason := 1000, ""
	if n, ok := L.Get(2).(lua.LNumber); ok {
		code = int(n)
	}
	if text, ok := L.Get(3).(lua.LString); ok {
		reason = string(text)
	}
	return closeConn(L, code, reason, nil)
}

// closeConn closes the connection that is argument 1. With a cause, a session in which it is that
// of a client ends with that.
func closeConn(L *lua.LState, code int, reason string, cause error) int {
	st, c := stateOf(L), checkConn(L)
	if code < 1000 || code > 4999 || len(reason) > 123 {
		raise(L, "conn:close: want a code from 1000 to 4999 and a reason of at most 123 bytes")
	}
	if c.gone || c.closing {
		return fail(L, "closed", "the connection is closed")
	}
	c.closing = true
	switch {
	case c.owned != nil:
		c.owned.close(code, reason)
	case c.peer.Close != nil && (cause == nil || c.peer.Role != "client" || c.link.end == nil):
		st.script.later(func() { c.link.flushed(); c.peer.Close(code, reason) }, 0, true)
	case c.link.end != nil:
		end := c.link.end
		st.script.later(func() { c.link.flushed(); end(cause) }, 0, true)
	}
	L.Push(lua.LTrue)
	return 1
}

// flushed waits, within reason, until what was sent on the link before is on its
// way.
func (l *link) flushed() {
	for range 100 {
		l.script.mu.Lock()
		empty := len(l.outbox) == 0 && !l.delivering
		l.script.mu.Unlock()
		if empty {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if l.do != nil {
		l.do(func() error { return nil }) // behind a sink that is emitting
	}
}

func connStats(L *lua.LState) int {
	stateOf(L)
	L.Push(statsTable(L, checkConn(L).peer.stats()))
	return 1
}

// connReceive is conn:receive([timeout]): data and kind, or nil and "timeout" or
// "closed".
func connReceive(L *lua.LState) int {
	st, c := stateOf(L), checkConn(L)
	timeout := L.Get(2)
	if timeout != lua.LNil {
		checkSeconds(L, 2)
	}
	c.onlyPlain(L, "conn:receive")
	if o := c.owned; o != nil {
		if m, ok := o.next(); ok {
			L.Push(m.data)
			L.Push(kindValue(m.kind))
			return 2
		}
		o.wanted = true
	}
	if c.gone {
		L.Push(lua.LNil)
		L.Push(lua.LString("closed"))
		return 2
	}
	return st.receive(L, c, "conn:receive", nil, timeout)
}

// connRequest is conn:request(data, {timeout=, match=, kind=}): it sends, and
// returns the first message from then on that matches.
func connRequest(L *lua.LState) int {
	st, c := stateOf(L), checkConn(L)
	data, kindArg := L.Get(2), lua.LValue(lua.LNil)
	timeout := lua.LValue(lua.LNumber(10))
	var match lua.LValue
	switch o := L.Get(3).(type) {
	case *lua.LTable:
		lauxlib.OnlyKeys(L, o, "conn:request", "timeout", "match", "kind")
		kindArg = o.RawGetString("kind")
		if v := o.RawGetString("timeout"); v != lua.LNil {
			if n, ok := v.(lua.LNumber); !ok || n < 0 {
				raise(L, "conn:request: timeout is %s; want seconds", describe(v))
			}
			timeout = v
		}
		switch v := o.RawGetString("match").(type) {
		case *lua.LNilType:
		case lua.LString, *lua.LFunction:
			match = v
		default:
			raise(L, "conn:request: match is %s; want a pattern or a function", describe(v))
		}
	case *lua.LNilType:
	default:
		raise(L, "conn:request: argument 2 is %s; want a table like {timeout = 2, match = \"^OK\"}", describe(o))
	}
	m, name, err := c.message(L, data, kindArg)
	if err != nil {
		return fail(L, name, "%v", err)
	}
	// What raises an error does so before anything is sent.
	if st.current == nil {
		st.waitHere(L, "conn:request")
	}
	if match == nil {
		c.onlyPlain(L, "conn:request without match")
	}
	if err := c.send(m); err != nil {
		return fail(L, "full", "%v", err)
	}
	return st.receive(L, c, "conn:request", match, timeout)
}

// connChannel is conn:join(channel) and conn:leave(channel).
func connChannel(name string, of func(*Peer) func(string) error) lua.LGFunction {
	return func(L *lua.LState) int {
		st, c := stateOf(L), checkConn(L)
		channel, ok := L.Get(2).(lua.LString)
		if !ok {
			raise(L, "conn:%s: want the name of a channel, got %s", name, describe(L.Get(2)))
		}
		do := of(c.peer)
		if do == nil {
			raise(L, "conn:%s: there are no channels here; they belong to ws76 serve", name)
		}
		if c.gone {
			return fail(L, "closed", "the connection is closed")
		}
		s := st.script
		if !s.later(func() {
			if err := do(string(channel)); err != nil {
				s.o.log(slog.LevelError, "%s: conn:%s(%.100q): %v", s.name, name, string(channel), err)
			}
		}, len(channel), false) {
			return fail(L, "full", "too many calls are waiting")
		}
		L.Push(lua.LTrue)
		return 1
	}
}

// wsConns is ws76.conns(): all open connections, oldest first.
func wsConns(L *lua.LState) int {
	st := stateOf(L)
	var open []*conn
	for _, c := range st.script.conns {
		if c.owned == nil || !c.owned.ofTest {
			open = append(open, c)
		}
	}
	sort.Slice(open, func(i, j int) bool { return open[i].peer.ID < open[j].peer.ID })
	list := L.CreateTable(len(open), 0)
	for _, c := range open {
		list.Append(st.userdata(c))
	}
	L.Push(list)
	return 1
}
