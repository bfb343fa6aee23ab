package scripts

import (
	"errors"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/scripts/lauxlib"
)

// receiver is a task that waits for a message of a connection.
type receiver struct {
	wait  *wait
	what  string     // the function that waits
	match lua.LValue // a pattern, a function, or nil for any
}

// offer gives a message to the first task that waits for one like it, or else to the one that takes any, and lets that
// run until it waits again, so that it misses nothing of what follows.
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

// onlyPlain raises an error where a task waits for any message already: which of two would get one could not be told.
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

// connReceive is conn:receive([timeout]): data and kind, or nil and "timeout" or "closed".
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
