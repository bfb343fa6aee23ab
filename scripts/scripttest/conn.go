package scripttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/recording"
	"github.com/ws76/ws76/scripts"
)

// runner is one test that runs.
type runner struct {
	subject string // the script that is tested
	script  *scripts.Script
	clock   *scripts.VirtualClock
	net     *network

	mu       sync.Mutex
	conns    []*conn
	failures []error
}

// open adds ws76.test to a new state.
func (r *runner) open(L *lua.LState, ws76 *lua.LTable) {
	t := L.NewTable()
	for name, f := range map[string]lua.LGFunction{"conn": r.newConn, "advance": r.advance, "replay": r.replay} {
		t.RawSetString(name, scripts.Waiting(L, f))
	}
	L.SetFuncs(t, map[string]lua.LGFunction{"equal": equal, "peer": r.peer, "run": r.run})
	t.RawSetString("exit_code", lua.LFalse)
	ws76.RawSetString("exit", scripts.Waiting(L, exit(ws76.RawGetString("exit"), t)))
	ws76.RawSetString("test", t)
}

func (r *runner) close() {
	r.mu.Lock()
	conns := r.conns
	r.mu.Unlock()
	for _, c := range conns {
		c.session.Closed(nil)
	}
}

// conn is a connection whose peer is the test.
type conn struct {
	runner  *runner
	session *scripts.Session
	sink    relay.Sink
	t       *lua.LTable // what the test has of it; only touched in the script's turn

	mu     sync.Mutex
	sent   []string // that is not in the Lua table yet
	passed []string
	ended  error
}

// next takes what the hooks let through.
func (c *conn) next(d relay.Direction, m core.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d == relay.AToB {
		c.passed = append(c.passed, string(m.Data))
	} else {
		c.sent = append(c.sent, string(m.Data))
	}
	return nil
}

// bind opens the connection: on_open runs.
func (r *runner) bind(peer *scripts.Peer) (*conn, error) {
	c := &conn{runner: r, session: scripts.Set{r.script}.Session(peer, nil, false)}
	var err error
	c.sink, err = c.session.Bind(c.next, nil, func(err error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ended = err
	})
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.conns = append(r.conns, c)
	r.mu.Unlock()
	return c, nil
}

// newConn is ws76.test.conn(fields).
func (r *runner) newConn(L *lua.LState) int {
	peer := peerOf(L.OptTable(1, nil))
	return scripts.Wait(L, func(ctx context.Context) func(L *lua.LState) int {
		c, err := r.bind(peer)
		settled := r.settle(ctx)
		return func(L *lua.LState) int {
			if err := errors.Join(err, settled); err != nil {
				L.RaiseError("ws76.test.conn: %v", err)
			}
			L.Push(c.table(L))
			return 1
		}
	})
}

// settle returns when all that can happen without the clock has happened.
func (r *runner) settle(ctx context.Context) error {
	for again := true; again; again = !r.quiet() { // what was sent may be what a task waits for
		if err := r.script.Settle(ctx); err != nil {
			return err
		}
		r.mu.Lock()
		conns := r.conns
		r.mu.Unlock()
		for _, c := range conns {
			if err := c.session.Settle(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// quiet reports whether nothing is on its way between peers: all goroutines wait for the network, and none has moved
// while that was looked at.
func (r *runner) quiet() bool {
	live, begun := r.script.Goroutines()
	waiting, moves := r.net.still()
	liveThen, begunThen := r.script.Goroutines()
	_, movesThen := r.net.still()
	if live == waiting && live == liveThen && begun == begunThen && moves == movesThen {
		return true
	}
	time.Sleep(50 * time.Microsecond) // they need the processor
	return false
}

func peerOf(t *lua.LTable) *scripts.Peer {
	field := func(name, absent string) string {
		if t != nil {
			if v := lua.LVAsString(t.RawGetString(name)); v != "" {
				return v
			}
		}
		return absent
	}
	return &scripts.Peer{
		Dialect: core.Dialect(field("dialect", string(core.Hixie76))), Transport: "test", Remote: field("remote", "test"),
		Path: field("path", "/"), Origin: field("origin", ""), Protocol: field("protocol", ""), Role: field("role", "server"),
	}
}

// table makes what a test has of the connection.
func (c *conn) table(L *lua.LState) *lua.LTable {
	t := L.NewTable()
	t.RawSetString("conn", c.session.Value(L, relay.A))
	t.RawSetString("sent", L.NewTable())
	t.RawSetString("passed", L.NewTable())
	t.RawSetString("message", c.method(L, relay.AToB, "passed"))
	t.RawSetString("deliver", c.method(L, relay.BToA, "sent"))
	t.RawSetString("close", scripts.Waiting(L, func(L *lua.LState) int {
		return scripts.Wait(L, func(ctx context.Context) func(L *lua.LState) int {
			c.session.Closed(nil)
			return c.runner.update(c, "", c.runner.settle(ctx))
		})
	}))
	c.t = t
	c.update(L, "")
	return t
}

// method makes conn:message or conn:deliver. It returns what the hooks made of the message.
func (c *conn) method(L *lua.LState, d relay.Direction, name string) lua.LValue {
	return scripts.Waiting(L, func(L *lua.LState) int {
		m := core.Message{Kind: core.Text, Data: []byte(L.CheckString(2))}
		switch kind := L.OptString(3, "text"); kind {
		case "text":
		case "binary":
			m.Kind = core.Binary
		default:
			L.ArgError(3, "text or binary expected")
		}
		return scripts.Wait(L, func(ctx context.Context) func(L *lua.LState) int {
			err := c.sink(d, m)
			return c.runner.update(c, name, errors.Join(err, c.runner.settle(ctx)))
		})
	})
}

// update brings the tables of all connections up to date. It returns what came for one of them into the list name.
func (r *runner) update(c *conn, name string, err error) func(L *lua.LState) int {
	return func(L *lua.LState) int {
		if err != nil {
			L.RaiseError("ws76.test: %v", err)
		}
		r.mu.Lock()
		conns := r.conns
		r.mu.Unlock()
		n := 0
		for _, of := range conns {
			if of.t == nil {
				continue
			}
			fresh := of.update(L, name)
			if of == c {
				L.Push(fresh)
				n = 1
			}
		}
		return n
	}
}

// update puts what came since into the connection's tables, and returns that of one of them.
func (c *conn) update(L *lua.LState, name string) *lua.LTable {
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh := L.NewTable()
	for _, list := range []struct {
		name string
		from *[]string
	}{{"sent", &c.sent}, {"passed", &c.passed}} {
		to, ok := c.t.RawGetString(list.name).(*lua.LTable)
		for _, s := range *list.from {
			if ok {
				to.Append(lua.LString(s))
			}
			if list.name == name {
				fresh.Append(lua.LString(s))
			}
		}
		*list.from = nil
	}
	return fresh
}

// advance is ws76.test.advance(seconds).
func (r *runner) advance(L *lua.LState) int {
	d := time.Duration(float64(L.CheckNumber(1)) * float64(time.Second))
	if d < 0 {
		L.ArgError(1, "the clock does not run backwards")
	}
	return scripts.Wait(L, func(ctx context.Context) func(L *lua.LState) int {
		return r.update(nil, "", r.move(ctx, d))
	})
}

// move advances the clock by small steps, so that a task which sleeps again and again wakes each time.
func (r *runner) move(ctx context.Context, d time.Duration) error {
	step := max(d/1000, 10*time.Millisecond)
	for {
		if err := r.settle(ctx); err != nil || d <= 0 {
			return err
		}
		step = min(step, d)
		r.clock.Advance(step)
		d -= step
	}
}

// replay is ws76.test.replay(path), of a recording or what --out json printed. Of its first connection the messages that
// came in come from the peer, those that went out go to it, and the clock moves as it did.
func (r *runner) replay(L *lua.LState) int {
	f, err := scripts.OpenFile(L, L.CheckString(1))
	if err != nil {
		L.RaiseError("ws76.test.replay: %v", err)
	}
	return scripts.Wait(L, func(ctx context.Context) func(L *lua.LState) int {
		defer f.Close()
		c, err := r.feed(ctx, f)
		return func(L *lua.LState) int {
			if err != nil {
				L.RaiseError("ws76.test.replay: %v", err)
			}
			L.Push(c.table(L))
			return 1
		}
	})
}

func (r *runner) feed(ctx context.Context, f *os.File) (*conn, error) {
	c, err := r.bind(peerOf(nil))
	if err != nil {
		return nil, err
	}
	var last time.Duration
	first := 0 // the connection that is fed
	for entries := recording.NewReader(f, 0); ; {
		e, err := entries.Next()
		if err == io.EOF {
			return c, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		if err := r.move(ctx, e.T-last); err != nil {
			return nil, err
		}
		last = e.T
		if e.Event != recording.Message || first != 0 && e.Conn != first {
			continue
		}
		first = e.Conn
		d := relay.AToB
		if e.Dir == recording.Out {
			d = relay.BToA
		}
		if err := errors.Join(c.sink(d, e.Message), r.settle(ctx)); err != nil {
			return nil, err
		}
	}
}
