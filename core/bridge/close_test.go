package bridge_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/bridge"
	"github.com/ws76/ws76/core/relay"
)

// A side that says what it has to say and closes at once still gets all answers, then
// its closing frame is answered: with the code of whoever answers in the end, or else
// its own.
func TestRepliesBeforeClose(t *testing.T) {
	const count = 10
	eachPair(t, func(t *testing.T, from, to core.Dialect) {
		for _, how := range []string{"client", "client, with hooks", "client, with a buffer", "server"} {
			t.Run(how, func(t *testing.T) {
				t.Parallel()
				client, a := pair(t, from)
				b, server := pair(t, to)
				link := &bridge.Link{}
				o := &relay.Options{CloseTimeout: patience, Hooks: []relay.Hook{link.Hook()}}
				endA, endB := link.Conn(relay.A, a, nil), relay.Endpoint(nil)
				closing, other := client, server
				switch how {
				case "server":
					closing, other = server, client
				case "client, with hooks":
					o.Hooks = append(o.Hooks, relay.HookFunc(func(_ *relay.Session, next relay.Sink) (relay.Sink, error) { return next, nil }))
				case "client, with a buffer":
					endB = link.Buffer(relay.B, bridge.NewBuffer(b, bridge.BufferOptions{Size: count, CloseTimeout: patience, Dial: func(context.Context) (relay.Endpoint, error) {
						return nil, errors.New("it is opened once")
					}}))
				}
				if endB == nil {
					endB = link.Conn(relay.B, b, nil)
				}
				over := make(chan error, 1)
				go func() { over <- relay.Join(context.Background(), endA, endB, o) }()

				batch := closing.Batch()
				for i := range count {
					if err := batch.Queue(t.Context(), core.Message{Data: strconv.AppendInt(nil, int64(i), 10)}); err != nil {
						t.Fatal(err)
					}
				}
				if err := batch.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := closing.SendClose(t.Context(), 4321, "so long"); err != nil {
					t.Fatal(err)
				}
				answered := make(chan error, 1)
				go func() { answered <- answerSlowly(t.Context(), other) }()
				for i := range count {
					m, err := closing.Receive(t.Context())
					if want := "re " + strconv.Itoa(i); err != nil || string(m.Data) != want {
						t.Fatalf("got %q, %v; want %q", m.Data, err, want)
					}
				}
				_, err := closing.Receive(t.Context())
				want := 1005
				switch {
				case closing.Dialect() != core.RFC6455:
				case other.Dialect() == core.RFC6455:
					want = 4322
				default:
					want = 4321
				}
				var end *core.CloseError
				if !errors.As(err, &end) || !end.Clean || end.Code != want {
					t.Errorf("then %v, want a close with %d", err, want)
				}
				closing.Close(t.Context())
				if err := <-answered; err != nil {
					t.Error(err)
				}
				if err := <-over; err != nil {
					t.Errorf("the bridge: %v", err)
				}
			})
		}
	})
}

// answerSlowly answers each message a while after it has come, and the closing frame
// after that.
func answerSlowly(ctx context.Context, c *core.Conn) error {
	c.HoldClose()
	var texts []string
	for {
		m, err := c.Receive(ctx)
		if err != nil {
			break
		}
		texts = append(texts, string(m.Data))
	}
	if c.PeerClose() == nil {
		return errors.New("no close was carried over")
	}
	for _, text := range texts {
		time.Sleep(2 * time.Millisecond)
		if err := c.Send(ctx, core.Message{Data: []byte("re " + text)}); err != nil {
			return err
		}
	}
	return c.CloseWith(ctx, 4322, "")
}

// A side that never answers holds up the other's close for CloseTimeout at most, and
// what it says meanwhile is still delivered.
func TestHeldCloseIsBounded(t *testing.T) {
	client, a := pair(t, core.Hixie76)
	b, server := pair(t, core.Hixie76)
	link := &bridge.Link{}
	over := make(chan error, 1)
	go func() {
		over <- relay.Join(context.Background(), link.Conn(relay.A, a, nil), link.Conn(relay.B, b, nil),
			&relay.Options{CloseTimeout: 300 * time.Millisecond, Hooks: []relay.Hook{link.Hook()}})
	}()
	if err := client.SendClose(t.Context(), 1000, ""); err != nil {
		t.Fatal(err)
	}
	if err := server.Send(t.Context(), core.Message{Data: []byte("late")}); err != nil {
		t.Fatal(err)
	}
	if m, err := client.Receive(t.Context()); err != nil || string(m.Data) != "late" {
		t.Errorf("got %q, %v", m.Data, err)
	}
	_, err := client.Receive(t.Context())
	var end *core.CloseError
	if !errors.As(err, &end) || !end.Clean {
		t.Errorf("the client saw %v", err)
	}
	client.Close(t.Context())
	if err := <-over; !errors.As(err, &end) || !end.Unanswered {
		t.Errorf("the bridge: %v", err)
	}
}
