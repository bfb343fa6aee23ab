package deadline

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// stream has the one deadline that a net.Conn has.
type stream struct {
	mu sync.Mutex
	at time.Time
}

func (s *stream) set(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = t
	return nil
}

func (s *stream) wants(t *testing.T, what string, want time.Time) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.at.Equal(want) {
		t.Errorf("%s: the deadline is %v, want %v", what, s.at, want)
	}
}

// No setter takes what another has set: which holds is a matter of who it is, not of who was last.
func TestOwners(t *testing.T) {
	s := new(stream)
	l := Limit{Set: s.set}
	bound, forced := time.Now().Add(time.Hour), time.Now().Add(time.Minute)
	l.Until(bound)
	s.wants(t, "a bound", bound)
	l.GiveUp()
	s.wants(t, "given up", Past)
	l.Until(bound)
	s.wants(t, "a bound behind that", Past)
	l.Force(forced)
	s.wants(t, "forced", forced)
	l.GiveUp()
	l.Until(bound)
	s.wants(t, "others behind that", forced)
	l.Force(time.Time{})
	s.wants(t, "forced no more", Past)
	l.Forgive()
	s.wants(t, "forgiven", bound)
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	if err := l.Enter(ctx); err != nil {
		t.Fatal(err)
	}
	cancel(gone)
	for !l.interrupted() {
		time.Sleep(time.Millisecond)
	}
	s.wants(t, "a context that has ended", Past)
	l.Until(bound)
	s.wants(t, "a bound behind that", Past)
	if err := l.Enter(ctx); err != gone {
		t.Errorf("the context has ended: %v", err)
	}
	if err := l.Enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.wants(t, "the next context", bound)
}

// What is given up and forgiven at the same time is one or the other, the deadline too.
func TestGiveUpWhileForgiven(t *testing.T) {
	for range 5000 {
		s := new(stream)
		l := Limit{Set: s.set}
		var wg sync.WaitGroup
		for _, do := range []func(){l.GiveUp, l.Forgive, func() { l.Until(time.Time{}) }} {
			wg.Go(do)
		}
		wg.Wait()
		want := time.Time{}
		if l.GivenUp() {
			want = Past
		}
		if s.wants(t, "in the end", want); t.Failed() {
			return
		}
	}
}

// Once an interruption is taken back the stream has no deadline, however late it came.
func TestInterrupt(t *testing.T) {
	for range 5000 {
		s := new(stream)
		ctx, cancel := context.WithCancel(t.Context())
		stop := Interrupt(ctx, s.set)
		go cancel()
		stop()
		if s.wants(t, "taken back", time.Time{}); t.Failed() {
			return
		}
	}
	s := new(stream)
	ctx, cancel := context.WithCancel(t.Context())
	stop := Interrupt(ctx, s.set)
	cancel()
	for s.mu.Lock(); s.at.IsZero(); s.mu.Lock() {
		s.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	s.mu.Unlock()
	s.wants(t, "the context has ended", Past)
	if stop() {
		t.Error("nobody was interrupted")
	}
	s.wants(t, "taken back", time.Time{})
}
