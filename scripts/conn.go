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
	"github.com/ws76/ws76/core/rfc6455"
)

// conn is a connection as one script sees it: what a conn object of Lua stands for. It is guarded by the script's lock.
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
		go c.owned.shut(rfc6455.CodeGoingAway, "")
	}
}

// finish tells the script that a connection has ended because of err. st may be nil.
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

// checkObject returns the object of the host that a value is; want says for the error which one is wanted.
func checkObject[T any](L *lua.LState, v lua.LValue, want string) (object T) {
	if ud, ok := v.(*lua.LUserData); ok {
		if object, ok := ud.Value.(T); ok {
			return object
		}
	}
	raise(L, "want %s, got %s", want, describe(v))
	return object
}

func checkConn(L *lua.LState) *conn {
	return checkObject[*conn](L, L.Get(1), "a connection before the method, as in conn:send(…)")
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
	case m.Kind == core.Binary && c.peer.Dialect.Lacks().Binary:
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
	return closeConn(L, rfc6455.CodeGoingAway, lost.Reason, lost)
}

// connClose is conn:close([code, reason]).
func connClose(L *lua.LState) int {
	code, reason := rfc6455.CodeNormal, ""
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

// flushed waits, within reason, until what was sent on the link before is on its way.
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
