package serve_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/serve"
)

// hookHost serves peers by a relay session each: what a peer says goes through the
// hooks to the echo on the other side, and back.
type hookHost struct {
	hooks []relay.Hook
	wg    sync.WaitGroup
}

type hooked struct {
	*relay.Session
	stop context.CancelFunc
}

// echoEnd is an endpoint that pushes back what it is sent.
type echoEnd struct{ s *relay.Session }

func (e *echoEnd) Receive(ctx context.Context) (core.Message, error) {
	<-ctx.Done()
	return core.Message{}, context.Cause(ctx)
}
func (e *echoEnd) Send(ctx context.Context, m core.Message) error {
	return e.s.Queue(ctx, relay.BToA, m)
}
func (e *echoEnd) Close(context.Context) error { return nil }
func (e *echoEnd) Nonblocking() bool           { return true }

func (h *hookHost) Open(p *serve.Peer) {
	end := new(echoEnd)
	ctx, stop := context.WithCancel(context.Background())
	s, err := relay.NewSession(ctx, p.Endpoint(), end, &relay.Options{Hooks: h.hooks})
	if err != nil {
		panic(err)
	}
	end.s = s
	p.SetData(&hooked{s, stop})
	h.wg.Go(func() { // the owner: closes the session once it begins to end
		<-s.Context().Done()
		s.Close(context.Background())
	})
}

func (h *hookHost) Message(p *serve.Peer, m core.Message) {
	p.Data().(*hooked).Queue(context.Background(), relay.AToB, m)
}

func (h *hookHost) Flush(p *serve.Peer) {
	s := p.Data().(*hooked)
	s.Session.Flush(context.Background(), relay.AToB)
	s.Session.Flush(context.Background(), relay.BToA)
}

func (h *hookHost) Closed(p *serve.Peer, _ error) { p.Data().(*hooked).stop() }

// The hooks of a relay work on event loops: change, drop, answer, stop.
func TestHooksOnLoops(t *testing.T) {
	onEvents(t, func(t *testing.T, e engine) {
		host := &hookHost{hooks: []relay.Hook{relay.HookFunc(func(_ *relay.Session, next relay.Sink) (relay.Sink, error) {
			return func(d relay.Direction, m core.Message) error {
				if d == relay.BToA {
					return next(d, m)
				}
				switch string(m.Data) {
				case "drop":
					return nil
				case "answer":
					return next(d.Reverse(), text("answered"))
				case "stop":
					next(d, text("last"))
					return relay.ErrStop
				}
				return next(d, text(strings.ToUpper(string(m.Data))))
			}, nil
		})}}
		r := start(t, e, &serve.Server{Events: host})
		for _, d := range core.Dialects {
			conn := r.dial(t, d)
			for _, m := range []string{"one", "drop", "two", "answer", "three", "stop"} {
				if err := conn.Send(testContext(t), text(m)); err != nil {
					t.Fatal(err)
				}
			}
			got := map[string]bool{}
			var ce *core.CloseError
			for {
				m, err := conn.Receive(testContext(t))
				if errors.As(err, &ce) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got[string(m.Data)] = true
			}
			if len(got) != 5 || !got["ONE"] || !got["TWO"] || !got["THREE"] || !got["answered"] || !got["last"] || !ce.Clean {
				t.Errorf("%s: got %v, then %v", d, got, ce)
			}
			conn.Close(testContext(t))
		}
		r.end(t)
		host.wg.Wait()
	})
}
