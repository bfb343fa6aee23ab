package bridge_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/bridge"
	"github.com/ws76/ws76/core/relay"
)

// bridged is a client and a server with a bridge between them.
func bridged(t *testing.T, from, to core.Dialect, as func(dst, data []byte) []byte) (client, server *core.Conn, over chan error) {
	t.Helper()
	client, a := pair(t, from)
	b, server := pair(t, to)
	over = make(chan error, 1)
	go func() {
		link := &bridge.Link{}
		var asA, asB func(dst, data []byte) []byte
		if from != core.RFC6455 {
			asA = as
		}
		if to != core.RFC6455 {
			asB = as
		}
		over <- relay.Join(context.Background(), link.Conn(relay.A, a, asA), link.Conn(relay.B, b, asB), &relay.Options{Hooks: []relay.Hook{link.Hook()}})
	}()
	return client, server, over
}

func eachPair(t *testing.T, f func(t *testing.T, from, to core.Dialect)) {
	for _, from := range core.Dialects {
		for _, to := range core.Dialects {
			t.Run(string(from)+" to "+string(to), func(t *testing.T) { f(t, from, to) })
		}
	}
}

// A close is carried over with code and reason, or with what stands for them where a
// dialect has none.
func TestCloseIsCarried(t *testing.T) {
	eachPair(t, func(t *testing.T, from, to core.Dialect) {
		for _, backwards := range []bool{false, true} {
			client, server, over := bridged(t, from, to, nil)
			closing, other := client, server
			if backwards {
				closing, other = server, client
			}
			closed := make(chan error, 1)
			go func() { closed <- closing.CloseWith(t.Context(), 4321, "so long") }()
			_, err := other.Receive(t.Context())
			var end *core.CloseError
			if !errors.As(err, &end) || !end.Clean {
				t.Fatalf("the other side saw %v", err)
			}
			code, reason := closeCode(err)
			want, wantReason := 4321, "so long"
			switch {
			case other.Dialect() != core.RFC6455:
				want, wantReason = 1005, ""
			case closing.Dialect() != core.RFC6455:
				want, wantReason = 1000, ""
			}
			if code != want || reason != wantReason {
				t.Errorf("the other side got %d %q, want %d %q", code, reason, want, wantReason)
			}
			other.Close(t.Context())
			if err := <-closed; err != nil {
				t.Errorf("the closing side: %v", err)
			}
			if err := <-over; err != nil {
				t.Errorf("the bridge: %v", err)
			}
		}
	})
}

// A side that breaks is told to the other: 1001 for a client that is gone, 1011 for
// a server. A client of draft 76, which has no codes, sees an end without a closing frame,
// unless it has sent one. Draft 75 can't tell.
func TestBreakIsCarried(t *testing.T) {
	for _, c := range []struct {
		server  bool
		dialect core.Dialect
		closing bool
		want    int // 0: a clean end
	}{
		{false, core.RFC6455, false, 1001}, {true, core.RFC6455, false, 1011}, {false, core.Hixie76, false, 0},
		{true, core.Hixie76, false, 1006}, {true, core.Hixie76, true, 0}, {true, core.Hixie75, false, 0},
	} {
		near, far := net.Pipe()
		accepted := make(chan *core.Conn, 1)
		go func() {
			conn, _ := core.Accept(t.Context(), far, nil)
			accepted <- conn
		}()
		breaking, err := core.Client(t.Context(), near, "ws://x/", &core.DialOptions{Dialect: core.RFC6455})
		if err != nil {
			t.Fatal(err)
		}
		broken := <-accepted
		good, watched := pair(t, c.dialect)
		over := make(chan error, 1)
		go func() {
			link := &bridge.Link{}
			a, b := broken, watched
			if c.server {
				a, b = watched, broken
			}
			over <- relay.Join(context.Background(), link.Conn(relay.A, a, nil), link.Conn(relay.B, b, nil), &relay.Options{Hooks: []relay.Hook{link.Hook()}})
		}()
		if c.closing {
			if err := good.SendClose(t.Context(), 1000, ""); err != nil {
				t.Fatal(err)
			}
			breaking.Receive(t.Context())
		}
		near.Close()
		_, err = good.Receive(t.Context())
		var end *core.CloseError
		if errors.As(err, &end); end == nil || c.want == 0 && !end.Clean || c.want != 0 && end.Code != c.want {
			t.Errorf("%+v: the other side saw %v", c, err)
		}
		good.Close(t.Context())
		if err := <-over; err == nil && !c.closing {
			t.Error("the bridge saw no error")
		}
	}
}

// Binary messages reach the drafts as text, or end the connection with 1003.
func TestBinary(t *testing.T) {
	data := []byte{0, 0xFF, 'x', 0x80}
	for _, to := range []core.Dialect{core.Hixie75, core.Hixie76} {
		client, server, over := bridged(t, core.RFC6455, to, base64.StdEncoding.AppendEncode)
		client.Send(t.Context(), core.Message{Data: []byte("text")})
		client.Send(t.Context(), core.Message{Data: data, Kind: core.Binary})
		for _, want := range []string{"text", base64.StdEncoding.EncodeToString(data)} {
			m, err := server.Receive(t.Context())
			if err != nil || string(m.Data) != want {
				t.Fatalf("%s: got %q, %v; want %q", to, m.Data, err, want)
			}
		}
		go server.Receive(t.Context())
		client.Close(t.Context())
		<-over

		client, server, over = bridged(t, core.RFC6455, to, nil)
		client.Send(t.Context(), core.Message{Data: []byte("before")})
		client.Send(t.Context(), core.Message{Data: data, Kind: core.Binary})
		if m, err := server.Receive(t.Context()); err != nil || string(m.Data) != "before" {
			t.Errorf("%s: got %q, %v", to, m.Data, err)
		}
		go server.Receive(t.Context())
		_, err := client.Receive(t.Context())
		if code, reason := closeCode(err); code != 1003 || !strings.Contains(reason, "binary") {
			t.Errorf("%s: the client saw %v", to, err)
		}
		client.Close(t.Context())
		if err := <-over; !errors.Is(err, core.ErrBinary) {
			t.Errorf("%s: the bridge: %v", to, err)
		}
	}
}

// Every message arrives whole and in order between all dialects, both ways at once.
func TestMessagesPass(t *testing.T) {
	sizes := []int{0, 1, 125, 126, 4096, 70_000, 1}
	eachPair(t, func(t *testing.T, from, to core.Dialect) {
		client, server, over := bridged(t, from, to, nil)
		const count = 300
		send := func(c *core.Conn, mark byte) error {
			batch := c.Batch()
			for i := range count {
				if err := batch.Queue(t.Context(), core.Message{Data: bytes.Repeat([]byte{mark + byte(i%20)}, sizes[i%len(sizes)])}); err != nil {
					return err
				}
			}
			return batch.Flush(t.Context())
		}
		receive := func(c *core.Conn, mark byte) {
			for i := range count {
				m, err := c.Receive(t.Context())
				if want := bytes.Repeat([]byte{mark + byte(i%20)}, sizes[i%len(sizes)]); err != nil || !bytes.Equal(m.Data, want) {
					t.Errorf("message %d: %d bytes, %v; want %d", i, len(m.Data), err, len(want))
					return
				}
			}
		}
		sent := make(chan error, 2)
		go func() { sent <- send(client, 'a') }()
		go func() { sent <- send(server, 'A') }()
		received := make(chan bool)
		go func() { receive(server, 'a'); close(received) }()
		receive(client, 'A')
		<-received
		if err := errors.Join(<-sent, <-sent); err != nil {
			t.Error(err)
		}
		go server.Receive(t.Context())
		client.Close(t.Context())
		if err := <-over; err != nil {
			t.Errorf("the bridge: %v", err)
		}
	})
}
