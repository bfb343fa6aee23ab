package scripttest

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/scripts"
)

// peer is ws76.test.peer(url, fn): what is connected to or opened under that URL is the other side of a task of fn.
func (r *runner) peer(L *lua.LState) int {
	name, fn := L.CheckString(1), L.CheckFunction(2)
	key, raw := name, true
	if target, err := core.ParseURL(name); err == nil {
		key, raw = peerKey(target), false
	} else if strings.HasPrefix(name, "ws") {
		L.RaiseError("ws76.test.peer: %v", err)
	}
	ln, err := r.net.listen(strings.TrimSuffix(key, "/"))
	if err != nil {
		L.RaiseError("ws76.test.peer: there is a peer for %s already", name)
	}
	L.Push(scripts.ServePeer(L, ln, fn, raw))
	return 1
}

// peerKey is what the peer of a WebSocket URL is found by; the query does not count.
func peerKey(t core.Target) string {
	path, _, _ := strings.Cut(t.Resource, "?")
	return strings.TrimSuffix("ws://"+t.Addr+path, "/")
}

// connect reaches the network for scripts of the test.
func (r *runner) connect(o *scripts.Options) {
	o.Dial = func(ctx context.Context, name string, d scripts.DialOptions) (*core.Conn, error) {
		target, err := core.ParseURL(name)
		if err != nil {
			return nil, err
		}
		_, port, _ := net.SplitHostPort(target.Addr)
		stream, ok := r.net.dial(peerKey(target), "listen "+target.Addr, "listen :"+port)
		if !ok {
			return nil, noPeer(name)
		}
		var protocols []string
		if d.Protocol != "" {
			protocols = []string{d.Protocol}
		}
		// What TLS there would be is left out.
		return core.Client(ctx, stream, strings.Replace(name, "wss", "ws", 1), &core.DialOptions{Dialect: d.Dialect, Header: d.Headers, Protocols: protocols})
	}
	o.Listen = func(_ context.Context, addr string) (net.Listener, error) {
		host, port, err := net.SplitHostPort(addr)
		switch {
		case err != nil:
			return nil, err
		case port == "0":
			r.net.mu.Lock()
			r.net.ports++
			addr = net.JoinHostPort(host, fmt.Sprint(r.net.ports))
			r.net.mu.Unlock()
		case host == "0.0.0.0", host == "::":
			addr = ":" + port
		}
		l, err := r.net.listen("listen " + addr)
		if err != nil {
			return nil, err
		}
		return named{l, addr}, nil
	}
	o.Open = func(_ context.Context, name string) (net.Conn, error) {
		if stream, ok := r.net.dial(strings.TrimSuffix(name, "/")); ok {
			return stream, nil
		}
		return nil, noPeer(name)
	}
}

func noPeer(name string) error {
	if u, err := url.Parse(name); err == nil {
		name = u.Redacted()
	}
	return fmt.Errorf("%s: the test has no such peer; ws76.test.peer(%q, function(conn) … end) makes one", name, name)
}

// named is a listener under the address that the script has asked for.
type named struct {
	net.Listener
	addr string
}

func (n named) Addr() net.Addr { return address(n.addr) }

// runs reports whether a file of tests runs the script that it tests by ws76.test.run, so that it is no script of hooks.
func runs(path string) bool {
	text, err := os.ReadFile(path)
	return err == nil && strings.Contains(string(text), "ws76.test.run")
}

// run is ws76.test.run(args): the program that is tested, as a task.
func (r *runner) run(L *lua.LState) int {
	code, err := compileSubject(r.subject)
	if err != nil {
		L.RaiseError("ws76.test.run: %v", err)
	}
	if args := L.OptTable(1, nil); args != nil {
		L.G.Global.RawSetString("args", args)
	}
	spawn := L.GetField(L.G.Global.RawGetString("ws76"), "spawn")
	L.Push(spawn)
	L.Push(L.NewFunctionFromProto(code))
	L.Call(1, 1)
	return 1
}

// exit is ws76.exit for a task: the task stands still where it is, and the code is ws76.test.exit_code.
func exit(real lua.LValue, test *lua.LTable) lua.LGFunction {
	return func(L *lua.LState) int {
		if !scripts.InTask(L) {
			L.Insert(real, 1)
			L.Call(L.GetTop()-1, 0)
			return 0
		}
		test.RawSetString("exit_code", lua.LNumber(L.OptInt(1, 0)))
		return scripts.Wait(L, func(ctx context.Context) func(*lua.LState) int {
			<-ctx.Done()
			return func(*lua.LState) int { return 0 }
		})
	}
}
