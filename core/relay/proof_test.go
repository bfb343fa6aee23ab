package relay_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
)

// accountable gives one message, tells when wait has returned after it, and lasts.
type accountable struct {
	relay.Endpoint
	done chan error
}

func (a *accountable) SeeksProof() bool { return true }

func (a *accountable) Pump(ctx context.Context, each func(core.Message) error, wait func() error) error {
	if err := each(core.Message{Data: []byte("x")}); err != nil {
		return err
	}
	err := wait()
	a.done <- err
	if err == nil {
		<-ctx.Done()
		err = context.Cause(ctx)
	}
	return err
}

func (a *accountable) Send(context.Context, core.Message) error { return nil }
func (a *accountable) Close(context.Context) error              { return nil }

// TestProof: what seeks proof is not told before the other side has read, nor when that
// dies before; and then the message is neither delivered nor dropped, but not known.
func TestProof(t *testing.T) {
	for _, reads := range []bool{true, false} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		stream, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		far, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		accepted := make(chan *core.Conn, 1)
		go func() {
			c, _ := core.Accept(t.Context(), far, nil)
			accepted <- c
		}()
		conn, err := core.Client(t.Context(), stream, "ws://example.com/", &core.DialOptions{Dialect: core.RFC6455})
		if err != nil {
			t.Fatal(err)
		}
		server := <-accepted
		source := &accountable{done: make(chan error, 1)}
		var session *relay.Session
		hook := relay.HookFunc(func(s *relay.Session, next relay.Sink) (relay.Sink, error) { session = s; return next, nil })
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error, 1)
		go func() { over <- relay.Join(ctx, source, conn, &relay.Options{Hooks: []relay.Hook{hook}}) }()
		for conn.Stats().MessagesOut == 0 {
			time.Sleep(time.Millisecond)
		}
		select {
		case err := <-source.done:
			t.Fatalf("it is told before anything is read: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
		if reads {
			go func() {
				for {
					if _, err := server.Receive(context.Background()); err != nil {
						server.Close(context.Background())
						return
					}
				}
			}()
			if err := <-source.done; err != nil {
				t.Error(err)
			}
		} else {
			far.(*net.TCPConn).SetLinger(0)
			far.Close()
			if err := <-source.done; err == nil {
				t.Error("it is told that what nobody has read is proven")
			}
		}
		cancel()
		<-over
		want := relay.Stats{Received: 1, ReceivedBytes: 1, Delivered: 1, DeliveredBytes: 1}
		if !reads {
			want.Delivered, want.NotKnown = 0, 1
		}
		if got := session.Stats(relay.AToB); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}
