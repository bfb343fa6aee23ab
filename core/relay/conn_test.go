package relay_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/format"
)

// pair returns the two sides of a connection over the loopback interface.
func pair(t *testing.T, dialect core.Dialect) (client, server *core.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan error)
	go func() {
		var err error
		server, err = core.Accept(t.Context(), far, nil)
		accepted <- err
	}()
	client, err = core.Client(t.Context(), near, "ws://example.com/", &core.DialOptions{Dialect: dialect})
	if e := <-accepted; err != nil || e != nil {
		t.Fatal(err, e)
	}
	return client, server
}

// join is relay.Join that fails where it hangs.
func join(t *testing.T, a, b relay.Endpoint, o *relay.Options) error {
	t.Helper()
	joined := make(chan error, 1)
	go func() { joined <- relay.Join(t.Context(), a, b, o) }()
	select {
	case err := <-joined:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("Join does not return")
		return nil
	}
}

// echo answers n messages, until the peer closes.
func echo(ctx context.Context, c *core.Conn) (n int, err error) {
	defer c.Close(ctx)
	for ; ; n++ {
		m, err := c.Receive(ctx)
		if err != nil {
			return n, err
		}
		if err := c.Send(ctx, m); err != nil {
			return n, err
		}
	}
}

// checkEcho waits for an echo, of want messages, that its peer closed properly.
func checkEcho(t *testing.T, echoed <-chan error, n *int, want int) {
	t.Helper()
	var closed *core.CloseError
	if err := <-echoed; !errors.As(err, &closed) || !closed.Clean || !closed.ByPeer {
		t.Errorf("the server saw %v, want a clean close by its peer", err)
	}
	if *n != want {
		t.Errorf("the server got %d messages, want %d", *n, want)
	}
}

// startEcho is echo in a goroutine.
func startEcho(t *testing.T, c *core.Conn) (echoed chan error, n *int) {
	echoed, n = make(chan error, 1), new(int)
	go func() {
		var err error
		*n, err = echo(t.Context(), c)
		echoed <- err
	}()
	return echoed, n
}

// The terminal's side of connect: what is piped in comes back whole and in order,
// though the connection is closed as soon as the input ends.
func TestJoinConn(t *testing.T) {
	for _, dialect := range []core.Dialect{core.Hixie76, core.RFC6455} {
		t.Run(string(dialect), func(t *testing.T) {
			client, server := pair(t, dialect)
			var in, out strings.Builder
			for i := range 20_000 {
				fmt.Fprintf(&in, "line %d\n", i)
			}
			echoed, n := startEcho(t, server)
			seen := 0
			count := relay.HookFunc(func(_ *relay.Session, next relay.Sink) (relay.Sink, error) {
				return func(d relay.Direction, m core.Message) error { seen++; return next(d, m) }, nil
			})
			terminal := format.NewEndpoint(strings.NewReader(in.String()), &out, format.EndpointOptions{})
			if err := join(t, terminal, client, &relay.Options{Hooks: []relay.Hook{count}, CloseTimeout: 20 * time.Second}); err != nil {
				t.Error(err)
			}
			if out.String() != in.String() {
				t.Errorf("%d bytes came back of %d", out.Len(), in.Len())
			}
			if seen != 40_000 {
				t.Errorf("the hook saw %d messages", seen)
			}
			checkEcho(t, echoed, n, 20_000)
		})
	}
}

// A message that a connection cannot carry ends the session, after the ones
// before it, which may be waiting in a batch with it, and with a proper close.
func TestJoinConnRefuses(t *testing.T) {
	client, server := pair(t, core.Hixie76)
	echoed, n := startEcho(t, server)
	in := `{"data":"fine"}` + "\n" + `{"base64":"AA=="}` + "\n" + `{"data":"never"}` + "\n"
	var out strings.Builder
	terminal := format.NewEndpoint(strings.NewReader(in), &out, format.EndpointOptions{In: format.Options{Format: format.JSON}})
	err := join(t, terminal, client, nil)
	var side *relay.SideError
	if !errors.Is(err, core.ErrBinary) || !errors.As(err, &side) || side.Side != relay.B || side.Op != relay.OpSend {
		t.Errorf("Join: %v", err)
	}
	checkEcho(t, echoed, n, 1)
}

// Two connections of different dialects: a bridge.
func TestJoinTwoConns(t *testing.T) {
	device, near := pair(t, core.Hixie76)
	far, server := pair(t, core.RFC6455)
	echoed, n := startEcho(t, server)
	talked := make(chan error, 1)
	go func() {
		defer close(talked)
		for i := range 100 {
			want := fmt.Sprint("message ", i)
			if err := device.Send(t.Context(), core.Message{Data: []byte(want)}); err != nil {
				talked <- err
				return
			}
			if m, err := device.Receive(t.Context()); err != nil || string(m.Data) != want {
				talked <- fmt.Errorf("got %q, %v", m.Data, err)
				return
			}
		}
		talked <- device.Close(t.Context())
	}()
	if err := join(t, near, far, nil); err != nil {
		t.Errorf("Join: %v", err)
	}
	if err := <-talked; err != nil {
		t.Errorf("device: %v", err)
	}
	checkEcho(t, echoed, n, 100)
}

// A session between two connections that both take nothing any more ends with its
// context all the same, and where one of them takes nothing, with the other.
func TestJoinTwoConnsStuck(t *testing.T) {
	flood := func(c *core.Conn) {
		data := make([]byte, 64<<10)
		for c.Send(t.Context(), core.Message{Data: data}) == nil {
		}
	}
	for _, ends := range []string{"context", "peer"} {
		t.Run(ends, func(t *testing.T) {
			device, near := pair(t, core.Hixie76)
			far, server := pair(t, core.Hixie76)
			sessions := make(chan *relay.Session, 1)
			begun := relay.HookFunc(func(s *relay.Session, _ relay.Sink) (relay.Sink, error) {
				sessions <- s
				return nil, nil
			})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			joined := make(chan error, 1)
			go func() {
				joined <- relay.Join(ctx, near, far, &relay.Options{Hooks: []relay.Hook{begun}, CloseTimeout: 200 * time.Millisecond})
			}()
			s := <-sessions
			go flood(device)
			if ends == "context" {
				go flood(server)
			}
			// Nothing passes any more once all that lies between is full.
			for last, now := int64(-1), int64(0); now == 0 || now != last; {
				time.Sleep(200 * time.Millisecond)
				last, now = now, s.Stats(relay.AToB).Delivered+s.Stats(relay.BToA).Delivered
			}
			if ends == "context" {
				cancel()
			} else if err := server.SendClose(t.Context(), 1000, ""); err != nil {
				t.Fatal(err)
			}
			select {
			case <-joined:
			case <-time.After(10 * time.Second):
				t.Error("Join does not return")
			}
			for _, c := range []*core.Conn{device, server} {
				go c.Close(t.Context())
			}
		})
	}
}
