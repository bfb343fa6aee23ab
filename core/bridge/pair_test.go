package bridge_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
)

const patience = 20 * time.Second // for what must happen; no measure of speed

// pair returns the two sides of a connection over the loopback interface.
func pair(t testing.TB, d core.Dialect) (client, server *core.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan error, 1)
	go func() {
		stream, err := l.Accept()
		if err == nil {
			server, err = core.Accept(context.Background(), stream, &core.AcceptOptions{CloseTimeout: patience})
		}
		accepted <- err
	}()
	client, err = core.Dial(context.Background(), "ws://"+l.Addr().String()+"/", &core.DialOptions{Dialect: d})
	if e := <-accepted; err != nil || e != nil {
		t.Fatal(err, e)
	}
	return client, server
}

// upstream is a server that can be restarted. It notes what it is sent.
type upstream struct {
	t       testing.TB
	dialect core.Dialect
	addr    string
	say     func(ctx context.Context, c *core.Conn) // while a connection is open; nil: nothing

	mu    sync.Mutex
	got   []string
	conns map[*core.Conn]bool
	l     net.Listener
	wg    sync.WaitGroup
}

func newUpstream(t testing.TB, d core.Dialect) *upstream {
	u := &upstream{t: t, dialect: d, addr: "127.0.0.1:0", conns: map[*core.Conn]bool{}}
	t.Cleanup(u.stop)
	return u
}

func (u *upstream) start() {
	u.t.Helper()
	l, err := net.Listen("tcp", u.addr)
	if err != nil {
		u.t.Fatal(err)
	}
	u.mu.Lock()
	u.addr, u.l = l.Addr().String(), l
	u.mu.Unlock()
	u.wg.Go(func() {
		for {
			stream, err := l.Accept()
			if err != nil {
				return
			}
			u.wg.Go(func() { u.serve(l, stream) })
		}
	})
}

func (u *upstream) serve(l net.Listener, stream net.Conn) {
	c, err := core.Accept(context.Background(), stream, &core.AcceptOptions{CloseTimeout: patience})
	if err != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	u.mu.Lock()
	u.conns[c] = true
	if u.l != l { // stop has come before it
		c.SendClose(ctx, 1001, "restart")
	}
	u.mu.Unlock()
	if u.say != nil {
		u.wg.Go(func() { u.say(ctx, c) })
	}
	for {
		m, err := c.Receive(ctx)
		if err != nil {
			c.Close(ctx)
			u.mu.Lock()
			delete(u.conns, c)
			u.mu.Unlock()
			return
		}
		u.mu.Lock()
		u.got = append(u.got, string(m.Data))
		u.mu.Unlock()
	}
}

// stop closes every connection properly, as a server does that is restarted: it
// takes what was sent to it before the answer to its closing frame.
func (u *upstream) stop() {
	u.mu.Lock()
	if u.l != nil {
		u.l.Close()
		u.l = nil
	}
	for c := range u.conns {
		c.SendClose(context.Background(), 1001, "restart")
	}
	u.mu.Unlock()
	u.wg.Wait()
}

func (u *upstream) dial(ctx context.Context) (*core.Conn, error) {
	u.mu.Lock()
	addr := u.addr
	u.mu.Unlock()
	return core.Dial(ctx, "ws://"+addr+"/", &core.DialOptions{Dialect: u.dialect})
}

// all returns what has come, of which there are at least n before long.
func (u *upstream) all(n int) []string {
	u.t.Helper()
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		u.mu.Lock()
		got := u.got
		u.mu.Unlock()
		if len(got) >= n {
			return got
		}
		if time.Since(start) > patience {
			u.t.Fatalf("%d messages came, want %d", len(got), n)
		}
	}
}

func closeCode(err error) (int, string) {
	var end *core.CloseError
	if !errors.As(err, &end) {
		return 0, ""
	}
	return end.Code, end.Reason
}
