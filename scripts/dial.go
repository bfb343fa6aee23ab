package scripts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/serve/gate"
	"github.com/ws76/ws76/internal/accept"
	"github.com/ws76/ws76/scripts/luastring"
	"github.com/ws76/ws76/scripts/permit"
)

// async runs work on a goroutine of the script while the running task waits.
// What work returns makes, with the lock held, the values that the wait returns.
// Where nobody waits any more by then, discard, which may be nil, is called instead.
func (st *state) async(L *lua.LState, what string, timeout time.Duration, work func(ctx context.Context) (results func() []lua.LValue, discard func())) int {
	return st.asyncOn(st.script.running.Go, L, what, timeout, work)
}

// asyncOn is async on a goroutine that begin begins.
func (st *state) asyncOn(begin func(func()), L *lua.LState, what string, timeout time.Duration, work func(ctx context.Context) (results func() []lua.LValue, discard func())) int {
	s := st.script
	w := st.waitHere(L, what)
	allowed := permit.NewContext(s.ctx, st.permit)
	ctx, cancel := context.WithCancel(allowed)
	if timeout > 0 {
		cancel()
		ctx, cancel = context.WithTimeoutCause(allowed, timeout, fmt.Errorf("no answer within %v: %w", timeout, context.DeadlineExceeded))
	}
	w.stop = cancel
	begin(func() {
		defer cancel()
		results, discard := work(ctx)
		if !st.post(w, results) && discard != nil {
			discard()
		}
	})
	return st.yield(L)
}

// Wait runs work on a goroutine while the running task waits; ctx ends when nobody waits any more. What work returns is
// called in the script's turn, pushes results and returns how many. It is for Options.Library: a Go function that calls
// it returns what it returns, and is put into the library by Waiting.
func Wait(L *lua.LState, work func(ctx context.Context) func(L *lua.LState) int) int {
	st := stateOf(L)
	return st.asyncOn(st.script.running.WaitGroup.Go, L, "this function", 0, func(ctx context.Context) (func() []lua.LValue, func()) {
		push := work(ctx)
		return func() []lua.LValue { return st.pushed(push) }, nil
	})
}

// Waiting makes a Lua function of f, which calls Wait.
func Waiting(L *lua.LState, f lua.LGFunction) lua.LValue {
	return stateOf(L).waiting(f)
}

// pushed returns the values that push pushes.
func (st *state) pushed(push func(*lua.LState) int) []lua.LValue {
	L := st.L
	var vals []lua.LValue
	err := L.GPCall(func(L *lua.LState) int {
		n := push(L)
		for i := L.GetTop() - n + 1; i <= L.GetTop(); i++ {
			vals = append(vals, L.Get(i))
		}
		return 0
	}, lua.LNil)
	if err != nil {
		return []lua.LValue{lua.LNil, lua.LString(st.newError("result", err).Text)}
	}
	return vals
}

// failure is what a wait returns that failed.
func failure(err error) []lua.LValue {
	values := []lua.LValue{lua.LNil, lua.LString(err.Error())}
	if errors.As(err, new(*permit.Denied)) {
		values = append(values, lua.LString(permit.Name))
	}
	return values
}

// wsConnect is ws76.connect(url, {via=, dialect=, protocol=, headers=, timeout=}).
func wsConnect(L *lua.LState) int {
	st := stateOf(L)
	s := st.script
	url := checkString(L, 1, "ws76.connect: want a URL")
	var o DialOptions
	if L.Get(2) != lua.LNil {
		t, ok := L.Get(2).(*lua.LTable)
		if !ok {
			raise(L, "ws76.connect: argument 2 is %s; want a table like {via = \"unix:///run/x\"}", describe(L.Get(2)))
		}
		o = dialOptions(L, t)
	}
	if s.o.Dial == nil {
		raise(L, "ws76.connect: only scripts of ws76 run and serve, and commands of plugins, open connections")
	}
	return st.async(L, "ws76.connect", o.Timeout, func(ctx context.Context) (func() []lua.LValue, func()) {
		wire, err := s.o.Dial(ctx, url, o)
		if err != nil {
			return func() []lua.LValue { return failure(err) }, nil
		}
		return func() []lua.LValue {
			c := s.adopt(st, wire, "client")
			st.call(onOpen, st.userdata(c))
			return []lua.LValue{st.userdata(c)}
		}, func() { wire.Close(context.Background()) } // bounded by its CloseTimeout
	})
}

func dialOptions(L *lua.LState, t *lua.LTable) DialOptions {
	var o DialOptions
	t.ForEach(func(k, v lua.LValue) {
		text, isText := v.(lua.LString)
		bad := !isText
		switch name := k.String(); name {
		case "via":
			o.Via = string(text)
		case "dialect":
			d, err := core.ParseDialect(string(text))
			if err != nil && isText {
				raise(L, "ws76.connect: %v", err)
			}
			o.Dialect = d
		case "protocol":
			o.Protocol = string(text)
		case "timeout":
			n, ok := v.(lua.LNumber)
			if o.Timeout, bad = seconds(n), !ok || n <= 0; bad {
				raise(L, "ws76.connect: timeout is %s; want seconds", describe(v))
			}
		case "headers":
			h, ok := v.(*lua.LTable)
			if bad = !ok; ok {
				o.Headers = headerFields(L, h)
			}
		default:
			raise(L, "ws76.connect: there is no option %q; there are via, dialect, protocol, headers and timeout", name)
		}
		if bad {
			raise(L, "ws76.connect: %s is %s; want a string, and for headers a table", k.String(), describe(v))
		}
	})
	return o
}

// headerFields reads {Name = "value"} or {{"Name", "value"}, …}, which keeps order.
func headerFields(L *lua.LState, t *lua.LTable) hixie.Fields {
	var fields hixie.Fields
	add := func(name, value lua.LValue) {
		field := hixie.Field{Name: lua.LVAsString(name), Value: lua.LVAsString(value)}
		if err := field.Check(); err != nil || field.Name == "" {
			raise(L, "ws76.connect: header %q: %v", field.Name, err)
		}
		fields = append(fields, field)
	}
	t.ForEach(func(k, v lua.LValue) {
		if pair, ok := v.(*lua.LTable); ok {
			add(pair.RawGetInt(1), pair.RawGetInt(2))
			return
		}
		add(k, v)
	})
	return fields
}

func checkString(L *lua.LState, n int, want string) string {
	text, ok := L.Get(n).(lua.LString)
	if !ok {
		raise(L, "%s, got %s", want, describe(L.Get(n)))
	}
	return string(text)
}

// listener is what ws76.listen returns: connections are accepted, and opened, by
// goroutines of the script, and wait for listener:accept.
type listener struct {
	st     *state
	net    net.Listener
	each   *lua.LFunction // a task of it is started for every connection
	peer   bool           // the connections are of a test, and nothing to the hooks
	raw    bool           // they are streams, without messages
	gate   *gate.Gate     // whom it lets in, before the hooks are asked
	queue  []*conn
	waits  []*wait // each gets one, in the order they came
	wanted bool    // somebody has accepted: what comes in is kept
	closed bool
	cancel context.CancelFunc
}

// maxBacklog bounds the connections of a listener that nobody has accepted, and those whose handshake is under way.
const maxBacklog = 256

// wsListen is ws76.listen(addr[, fn][, {origin=, host=}]).
func wsListen(L *lua.LState) int {
	st := stateOf(L)
	s := st.script
	addr := checkString(L, 1, "ws76.listen: want an address like \"127.0.0.1:8080\"")
	each, last := (*lua.LFunction)(nil), 2
	if fn, ok := L.Get(2).(*lua.LFunction); ok || L.Get(2) == lua.LNil {
		each, last = fn, 3
	}
	admits := listenGate(L, last)
	if s.o.Listen == nil {
		raise(L, "ws76.listen: only scripts of ws76 run and serve, and commands of plugins, listen")
	}
	return st.async(L, "ws76.listen", 0, func(ctx context.Context) (func() []lua.LValue, func()) {
		l, err := s.o.Listen(ctx, addr)
		if err != nil {
			return func() []lua.LValue { return failure(err) }, nil
		}
		return func() []lua.LValue {
			return []lua.LValue{st.serve(&listener{st: st, net: l, each: each, gate: admits})}
		}, func() { l.Close() }
	})
}

// listenGate reads the options of ws76.listen: whom it lets in.
func listenGate(L *lua.LState, n int) *gate.Gate {
	g := &gate.Gate{Option: "%s=%q"}
	if L.Get(n) == lua.LNil {
		return g
	}
	t, ok := L.Get(n).(*lua.LTable)
	if !ok {
		raise(L, "ws76.listen: argument %d is %s; want a function for each connection, or options like {host = \"box.lan\"}", n, describe(L.Get(n)))
	}
	t.ForEach(func(k, v lua.LValue) {
		values := []lua.LValue{v}
		if list, ok := v.(*lua.LTable); ok {
			values = values[:0]
			for i := 1; i <= list.Len(); i++ {
				values = append(values, list.RawGetInt(i))
			}
		}
		var names []string
		for _, value := range values {
			name, ok := value.(lua.LString)
			if !ok {
				raise(L, "ws76.listen: %s is %s; want a string or a list of strings", k.String(), describe(value))
			}
			names = append(names, string(name))
		}
		var err error
		switch k.String() {
		case "origin":
			g.Origins, err = gate.ParseOrigins(names)
		case "host":
			g.Hosts, err = gate.ParseHosts(names)
		default:
			raise(L, "ws76.listen: there is no option %q; there are origin and host", k.String())
		}
		if err != nil {
			raise(L, "ws76.listen: %s: %v", k.String(), err)
		}
	})
	return g
}

// serve begins to accept, and returns the listener's object.
func (st *state) serve(ln *listener) lua.LValue {
	var accepting context.Context
	accepting, ln.cancel = context.WithCancel(st.script.ctx)
	st.opened[ln] = true
	st.script.running.Go(func() { ln.accept(accepting) })
	return st.object(ln, listenerObject)
}

// ServePeer starts a task of each for every connection of l: a WebSocket, or with raw the stream itself. It is for
// tests, whose peers are no business of the script's hooks. It returns the listener's object.
func ServePeer(L *lua.LState, l net.Listener, each *lua.LFunction, raw bool) lua.LValue {
	st := stateOf(L)
	return st.serve(&listener{st: st, net: l, each: each, peer: true, raw: raw, gate: &gate.Gate{}})
}

// InTask reports whether the code that runs may wait.
func InTask(L *lua.LState) bool { return stateOf(L).current != nil }

// Close stops accepting. The caller has the lock.
func (ln *listener) Close() {
	if !ln.closed {
		ln.closed = true
		delete(ln.st.opened, ln)
		ln.cancel()
		ln.net.Close()
		for _, w := range ln.waits {
			ln.st.wake(w, lua.LNil, lua.LString("closed"))
		}
		ln.waits = nil
	}
}

func (ln *listener) accept(ctx context.Context) {
	s := ln.st.script
	handshakes := make(chan struct{}, maxBacklog)
	err := accept.Each(ctx, ln.net, func(err error) { s.o.log(slog.LevelError, "%s: listening on %s: %v", s.name, ln.net.Addr(), err) }, func(stream net.Conn) {
		select {
		case handshakes <- struct{}{}:
		case <-ctx.Done():
			stream.Close()
			return
		}
		s.running.Go(func() { // this goroutine is one of them, so the group is not empty
			defer func() { <-handshakes }()
			ln.handshake(ctx, stream)
		})
	})
	if err != nil {
		s.o.log(slog.LevelError, "%s: %v", s.name, err)
		s.mu.Lock()
		ln.Close()
		s.leave()
	}
}

func (ln *listener) handshake(ctx context.Context, stream net.Conn) {
	st := ln.st
	s := st.script
	if ln.raw {
		s.mu.Lock()
		st.newTask("", ln.each, []lua.LValue{st.newStream(stream)})
		s.leave()
		return
	}
	transport := stream.LocalAddr().Network()
	if ln.peer {
		transport = "pipe" // it stands in for a server of any name
	}
	admits := ln.gate.Over(transport)
	wire, err := core.Accept(ctx, stream, &core.AcceptOptions{Check: func(r *hixie.Request, d core.Dialect) *core.Refusal {
		if refusal := admits(r, d); refusal != nil || ln.peer {
			return refusal
		}
		answer := Set{s}.Handshake(RequestPeer(r, d, stream.RemoteAddr().String(), stream.RemoteAddr().Network()), r)
		if answer == nil || answer.Status == 0 {
			return nil
		}
		return answer.Refusal()
	}})
	if err != nil {
		s.o.log(slog.LevelInfo, "%s: %s: %v", s.name, stream.RemoteAddr(), err)
		stream.Close()
		return
	}
	s.mu.Lock()
	if s.cur != st || ln.closed || s.stopped || len(ln.queue) >= maxBacklog {
		s.mu.Unlock()
		wire.Close(context.WithoutCancel(ctx))
		return
	}
	c := s.adopt(st, wire, "server")
	if c.owned.ofTest = ln.peer; ln.peer {
		c.owned.wanted = true
	} else if st.call(onOpen, st.userdata(c)); st.lost {
		return
	}
	ln.give(c)
	s.leave()
}

// give hands a connection to whoever serves it.
func (ln *listener) give(c *conn) {
	st := ln.st
	switch s := st.script; {
	case ln.each != nil && len(st.tasks) >= s.o.Limits.MaxTasks:
		s.o.log(slog.LevelError, "%s: %s is turned away: there are %d tasks already, which is the limit%s", s.name, c.peer.Remote, len(st.tasks), luastring.RaisedBy(s.o.Limits.Names.MaxTasks))
		c.owned.close(1013, "too many tasks")
	case ln.each != nil:
		st.newTask("", ln.each, []lua.LValue{st.userdata(c)})
	case len(ln.waits) > 0:
		w := ln.waits[0]
		w.taken = func(goesOn bool) {
			if !goesOn {
				ln.queue = append([]*conn{c}, ln.queue...)
			}
		}
		st.wake(w, st.userdata(c))
	case ln.wanted || st.hooks[onMessage] == nil:
		ln.queue = append(ln.queue, c)
	}
}

func checkListener(L *lua.LState) *listener {
	return checkObject[*listener](L, L.Get(1), "a listener of ws76.listen before the method")
}

// listenerAccept is listener:accept([timeout]).
func listenerAccept(L *lua.LState) int {
	st, ln := stateOf(L), checkListener(L)
	if ln.each != nil {
		raise(L, "listener:accept: each connection of this listener has a task of its own, of the function that ws76.listen was given")
	}
	ln.wanted = true
	for len(ln.queue) > 0 {
		c := ln.queue[0]
		ln.queue = ln.queue[1:]
		if !c.gone || len(c.owned.inbox) > 0 {
			L.Push(st.userdata(c))
			return 1
		}
	}
	if ln.closed {
		L.Push(lua.LNil)
		L.Push(lua.LString("closed"))
		return 2
	}
	w := st.waitHere(L, "listener:accept")
	ln.waits = append(ln.waits, w)
	w.stop = func() {
		for i, other := range ln.waits {
			if other == w {
				ln.waits = append(ln.waits[:i:i], ln.waits[i+1:]...)
			}
		}
	}
	if L.Get(2) != lua.LNil {
		st.wakeAfter(w, checkSeconds(L, 2), timedOut()...)
	}
	return st.yield(L)
}

func listenerIndex(methods *lua.LTable) lua.LGFunction {
	return func(L *lua.LState) int {
		ln := checkListener(L)
		key := L.Get(2).String()
		if key == "addr" {
			L.Push(lua.LString(ln.net.Addr().String()))
			return 1
		}
		L.Push(methods.RawGetString(key))
		return 1
	}
}

func listenerClose(L *lua.LState) int {
	stateOf(L)
	checkListener(L).Close()
	return 0
}
