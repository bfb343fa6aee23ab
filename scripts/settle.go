package scripts

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// goroutines are those of a script, counted.
type goroutines struct {
	sync.WaitGroup
	live, begun atomic.Int64
}

// Go is WaitGroup.Go.
func (g *goroutines) Go(f func()) {
	g.live.Add(1)
	g.begun.Add(1)
	g.WaitGroup.Go(func() {
		defer g.live.Add(-1)
		f()
	})
}

// Goroutines returns how many goroutines work for the script, and how many were begun so far: for tests that want to
// know whether something is on its way. Those that wait in Wait do not count.
func (s *Script) Goroutines() (live, begun int) {
	return int(s.running.live.Load()), int(s.running.begun.Load())
}

// Settle returns when the tasks that can run have run until they wait, or ctx ends: for tests with a VirtualClock.
func (s *Script) Settle(ctx context.Context) error {
	s.mu.Lock()
	if s.cur == nil || !s.started || len(s.cur.ready) == 0 && !s.bg.active {
		s.mu.Unlock()
		return nil
	}
	idle := make(chan struct{})
	s.bg.idle = append(s.bg.idle, idle)
	s.bg.wake = true
	s.leave()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Settle returns when what scripts have sent on the session's connections has been
// handed on, or ctx ends: for tests, like Script.Settle. It looks every millisecond.
func (s *Session) Settle(ctx context.Context) error {
	for _, l := range s.links {
		for l.sending() {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(time.Millisecond):
			}
		}
	}
	return nil
}

// sending reports whether messages wait to be handed on.
func (l *link) sending() bool {
	l.script.mu.Lock()
	defer l.script.mu.Unlock()
	return l.delivering || len(l.outbox) > 0
}
