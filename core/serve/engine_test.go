package serve_test

import (
	"context"
	"testing"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/serve"
)

// engine is a way to serve connections.
type engine string

const (
	loops      engine = "event loops" // on Linux; elsewhere the same as goroutines
	fronted    engine = "event loops behind another"
	goroutines engine = "goroutines"
	handlers   engine = "handlers"
)

// onEngines runs a test on each engine.
func onEngines(t *testing.T, f func(t *testing.T, e engine)) {
	for _, e := range []engine{loops, fronted, goroutines, handlers} {
		t.Run(string(e), func(t *testing.T) { f(t, e) })
	}
}

// together is onEngines for a test that mostly waits: all of them at once.
func together(t *testing.T, f func(t *testing.T, e engine)) {
	onEngines(t, func(t *testing.T, e engine) {
		t.Parallel()
		f(t, e)
	})
}

// set makes s echo, by e, unless it has something to do already.
func (e engine) set(s *serve.Server) {
	switch {
	case s.Handler != nil || s.Events != nil || s.Route != nil:
	case e == handlers:
		s.Handler = func(ctx context.Context, conn *core.Conn) error { return core.Copy(ctx, conn, conn) }
	default:
		s.Events = serve.Echo{}
	}
	switch e {
	case fronted:
		s.LongEvents = true
	case goroutines:
		s.Loops = -1
	}
}

// told are Events that tell of what happens; its functions may be nil.
type told struct {
	open    func(*serve.Peer)
	message func(*serve.Peer, core.Message)
	flush   func(*serve.Peer)
	closed  func(*serve.Peer, error)
}

func (e told) Open(p *serve.Peer) {
	if e.open != nil {
		e.open(p)
	}
}

func (e told) Message(p *serve.Peer, m core.Message) {
	if e.message != nil {
		e.message(p, m)
	} else {
		p.Reply(m)
	}
}

func (e told) Flush(p *serve.Peer) {
	if e.flush != nil {
		e.flush(p)
	}
}

func (e told) Closed(p *serve.Peer, err error) {
	if e.closed != nil {
		e.closed(p, err)
	}
}
