package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ws76/ws76/core"
)

var (
	errA = errors.New("a failed")
	errB = errors.New("b failed")
)

// lastWord makes f behave as a connection does when it is closed: it still says
// msgs and then ends.
func (f *fake) lastWord(end error, msgs ...string) *fake {
	f.onClose = func(f *fake) error {
		f.end = end
		f.say(msgs...).done()
		return nil
	}
	return f
}

var clean = &core.CloseError{Clean: true}

func TestJoinEnds(t *testing.T) {
	unclean := &core.CloseError{Err: io.EOF}
	hookless := func(o Options) *Options { return &o }
	tests := []struct {
		name string
		a, b *fake
		o    *Options
		want []error // that the result is; none: nil
		side *SideError
		outA []string
		outB []string
	}{
		{name: "both say EOF",
			a: newFake().say("1", "2").done(), b: newFake().say("x").done(),
			outA: []string{"x"}, outB: []string{"1", "2"}},
		{name: "a says EOF, b is closed at once and has a last word",
			a: newFake().say("1").done(), b: newFake().lastWord(clean, "y", "z"),
			outA: []string{"y", "z"}, outB: []string{"1"}},
		{name: "b closes cleanly",
			a: newFake(), b: func() *fake { f := newFake().say("x", "y").done(); f.end = clean; return f }(),
			outA: []string{"x", "y"}},
		{name: "b closes uncleanly, though EOF lies behind it",
			a: newFake(), b: func() *fake { f := newFake().say("x").done(); f.end = unclean; return f }(),
			o: hookless(Options{LingerB: Forever}), want: []error{unclean}, side: &SideError{B, OpReceive, unclean},
			outA: []string{"x"}},
		{name: "a fails", a: func() *fake { f := newFake().say("1").done(); f.end = errA; return f }(), b: newFake(),
			want: []error{errA}, side: &SideError{A, OpReceive, errA}, outB: []string{"1"}},
		{name: "b takes nothing", a: newFake().say("1"), b: func() *fake { f := newFake(); f.sendErr = errB; return f }(),
			want: []error{errB}, side: &SideError{B, OpSend, errB}},
		{name: "b is closed, as Send notices first",
			a: newFake().say("1"), b: func() *fake {
				f := newFake().say("x")
				f.sendErr = clean
				time.AfterFunc(time.Millisecond, func() { f.end = clean; f.say("y").done() })
				return f
			}(),
			outA: []string{"x", "y"}},
		{name: "b does not close",
			a: newFake().done(), b: func() *fake { f := newFake(); f.onClose = func(*fake) error { return errB }; return f }(),
			want: []error{errB}, side: &SideError{B, OpClose, errB}},
		{name: "a broken pipe ends at once",
			a: func() *fake { f := newFake(); f.sendErr = syscall.EPIPE; return f }(), b: newFake().say("x", "y"),
			want: []error{syscall.EPIPE}, side: &SideError{A, OpSend, syscall.EPIPE}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := Join(t.Context(), tt.a, tt.b, tt.o)
			if tt.want == nil && err != nil {
				t.Errorf("Join: %v", err)
			}
			for _, want := range tt.want {
				if !errors.Is(err, want) {
					t.Errorf("Join: %v, want %v", err, want)
				}
			}
			var side *SideError
			if tt.side != nil && (!errors.As(err, &side) || *side != *tt.side) {
				t.Errorf("Join: %v, want %v", err, tt.side)
			}
			if got := tt.a.sent(); !reflect.DeepEqual(got, tt.outA) {
				t.Errorf("a got %q, want %q", got, tt.outA)
			}
			if got := tt.b.sent(); !reflect.DeepEqual(got, tt.outB) {
				t.Errorf("b got %q, want %q", got, tt.outB)
			}
			if tt.a.closed() != 1 || tt.b.closed() != 1 {
				t.Errorf("closed a %d times, b %d times, want once each", tt.a.closed(), tt.b.closed())
			}
		})
	}
}

// stubborn returns its own error from Receive, whatever ended it.
type stubborn struct {
	*fake
	err error
}

func (s stubborn) Receive(ctx context.Context) (core.Message, error) {
	<-ctx.Done()
	return core.Message{}, s.err
}

func TestJoinBothFail(t *testing.T) {
	a := newFake().done()
	a.end = errA
	err := Join(t.Context(), a, stubborn{newFake(), errB}, nil)
	if !errors.Is(err, errA) || !errors.Is(err, errB) {
		t.Errorf("Join: %v, want both errors", err)
	}
}

func TestJoinKeepsOpen(t *testing.T) {
	a, b := newFake(), newFake().done()
	b.end = clean
	if err := Join(t.Context(), a, b, &Options{KeepA: true}); err != nil {
		t.Fatal(err)
	}
	if a.closed() != 0 || b.closed() != 1 {
		t.Errorf("closed a %d times, b %d times", a.closed(), b.closed())
	}
	// And a can be joined again, with nothing of it lost.
	c := newFake()
	a.say("again").done()
	if err := Join(t.Context(), a, c.lastWord(clean), nil); err != nil {
		t.Fatal(err)
	}
	if got := c.sent(); !reflect.DeepEqual(got, []string{"again"}) {
		t.Errorf("c got %q", got)
	}
	// What was kept ends the session when it is all that is left.
	d := newFake()
	if err := Join(t.Context(), newFake().done(), d, &Options{KeepB: true}); err != nil || d.closed() != 0 {
		t.Errorf("Join: %v, closed d %d times", err, d.closed())
	}
}

func TestLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		a, b := newFake().say("1").done(), newFake().lastWord(clean, "bye")
		go func() {
			for i := range 3 { // each within the time of the last
				time.Sleep(900 * time.Millisecond)
				b.say(fmt.Sprint("x", i))
			}
		}()
		if err := Join(t.Context(), a, b, &Options{LingerA: time.Second}); err != nil {
			t.Fatal(err)
		}
		if got := a.sent(); !reflect.DeepEqual(got, []string{"x0", "x1", "x2", "bye"}) {
			t.Errorf("a got %q", got)
		}
		if d := time.Since(start); d != 3700*time.Millisecond {
			t.Errorf("ended after %v, want 3 times 0.9 s and 1 s of silence", d)
		}
	})
}

func TestLingerIsNotSilenceOfTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		a, b := newFake().done(), newFake().say("x").lastWord(clean)
		a.gate = make(chan struct{})
		time.AfterFunc(5*time.Second, func() { close(a.gate) })
		if err := Join(t.Context(), a, b, &Options{LingerA: time.Second}); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(start); d < 6*time.Second {
			t.Errorf("ended after %v, while a was slow to take the last message", d)
		}
	})
}

func TestLingerForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFake().say("1").done(), newFake()
		time.AfterFunc(time.Hour, func() { b.end = clean; b.say("at last").done() })
		if err := Join(t.Context(), a, b, &Options{LingerA: Forever}); err != nil {
			t.Fatal(err)
		}
		if got := a.sent(); !reflect.DeepEqual(got, []string{"at last"}) {
			t.Errorf("a got %q", got)
		}
		if got := b.sent(); !reflect.DeepEqual(got, []string{"1"}) {
			t.Errorf("b got %q", got)
		}
	})
}

// A peer that goes on talking after it was closed is listened to for the time of
// closing and no longer; one that does not take its close is an error.
func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := Join(t.Context(), newFake().done(), newFake(), nil); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d != 2*time.Second {
			t.Errorf("waited %v for the peer's end", d)
		}

		start = time.Now()
		b := newFake()
		stuck := make(chan struct{})
		b.onClose = func(*fake) error { <-stuck; return context.DeadlineExceeded }
		time.AfterFunc(3*time.Second, func() { close(stuck) })
		err := Join(t.Context(), newFake().done(), b, &Options{CloseTimeout: 3 * time.Second})
		var side *SideError
		if !errors.As(err, &side) || side.Side != B || side.Op != OpClose {
			t.Errorf("Join: %v", err)
		}
		if d := time.Since(start); d != 3*time.Second {
			t.Errorf("waited %v for the close", d)
		}
	})
}

// closeCtx notes how long it was given for its close.
type closeCtx struct {
	*fake
	left time.Duration
}

func (c *closeCtx) Close(ctx context.Context) error {
	at, _ := ctx.Deadline()
	c.left = time.Until(at)
	return c.fake.Close(ctx)
}

func TestJoinCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		boom := errors.New("interrupted")
		ctx, cancel := context.WithCancelCause(t.Context())
		a, b := newFake().say("1", "2"), &closeCtx{fake: newFake()}
		b.gate = make(chan struct{})
		time.AfterFunc(time.Second, func() { cancel(boom) })
		time.AfterFunc(2*time.Second, func() { b.gate <- struct{}{} })
		// The message being sent is delivered, the next is not received. The
		// close has time of its own.
		err := Join(ctx, a, b, &Options{CloseTimeout: 5 * time.Second})
		if err != boom {
			t.Errorf("Join: %v, want the cause of ctx and nothing else", err)
		}
		if got := b.sent(); !reflect.DeepEqual(got, []string{"1"}) {
			t.Errorf("b got %q", got)
		}
		if b.left != 5*time.Second {
			t.Errorf("Close was given %v", b.left)
		}
	})
}

// A peer that takes nothing does not keep the other from being closed, and what
// it did not take is an error.
func TestJoinCancelledWhileStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		a, b := &closeCtx{fake: newFake()}, newFake().say("1")
		a.gate = make(chan struct{})
		time.AfterFunc(time.Second, cancel)
		err := Join(ctx, a, b, nil)
		var side *SideError
		if !errors.Is(err, context.Canceled) || !errors.As(err, &side) || side.Side != A || side.Op != OpSend || side.Err != errAbandoned {
			t.Errorf("Join: %v", err)
		}
		if b.closed() != 1 || a.left != 2*time.Second {
			t.Errorf("closed b %d times, a was given %v", b.closed(), a.left)
		}
	})
}

func TestBlockedReaderHoldsUpOneDirection(t *testing.T) {
	a, b := newFake(), newFake()
	a.gate = make(chan struct{})
	b.say("x0", "x1", "x2")
	done := make(chan error)
	go func() { done <- Join(t.Context(), a, b.lastWord(clean), nil) }()
	for i := range 500 {
		a.say(fmt.Sprint(i))
	}
	b.await(t, 500) // all of it, and a has taken nothing
	if got := a.sent(); len(got) != 0 {
		t.Errorf("a got %q", got)
	}
	close(a.gate)
	a.await(t, 3)
	a.done()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// pong answers every message of a, to a, and lets it pass.
var pong = hook(func(next Sink, d Direction, m core.Message) error {
	if d == AToB {
		if err := next(BToA, text("re "+string(m.Data))); err != nil {
			return err
		}
	}
	return next(d, m)
})

func TestAnswersDoNotBlock(t *testing.T) {
	a, b := newFake(), newFake()
	a.gate = make(chan struct{})
	done := make(chan error)
	go func() {
		done <- Join(t.Context(), a, b.lastWord(clean), &Options{Hooks: []Hook{pong}, LingerA: 0})
	}()
	var want []string
	for i := range 200 {
		a.say(fmt.Sprint(i))
		want = append(want, fmt.Sprint("re ", i))
	}
	b.await(t, 200) // while a reads nothing
	close(a.gate)
	a.await(t, 200)
	a.done()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := a.sent(); !reflect.DeepEqual(got, want) {
		t.Errorf("a got %q", got)
	}
}

func TestOutboxIsBounded(t *testing.T) {
	for _, o := range []*Options{{MaxOutbox: 10}, {MaxOutboxBytes: 40}} {
		synctest.Test(t, func(t *testing.T) {
			o.Hooks = []Hook{pong}
			a, b := newFake(), newFake()
			a.gate = make(chan struct{}) // takes nothing
			for i := range 20 {
				a.say(fmt.Sprint(i % 10)) // answers are 4 bytes
			}
			err := Join(t.Context(), a, b, o)
			var full *OutboxError
			if !errors.As(err, &full) || full.Side != A || full.Messages != 10 || full.Bytes != 40 || full.Size != 4 {
				t.Errorf("Join: %v", err)
			}
			var side *SideError
			if !errors.As(err, &side) || side.Side != A || side.Err != errAbandoned {
				t.Errorf("Join: %v; it says nothing of the ten that were not taken", err)
			}
			if n := len(b.sent()); n > 11 {
				t.Errorf("b got %d messages after the session had ended", n)
			}
		})
	}
}

func TestAnswerToAClosedSide(t *testing.T) {
	// b answers whatever a says, a is at its end, and the chain answers b.
	reply := hook(func(next Sink, d Direction, m core.Message) error {
		if d == BToA {
			return errors.Join(next(AToB, text("ack")), next(d, m))
		}
		return next(d, m)
	})
	a, b := newFake().done(), newFake().lastWord(clean, "y", "z")
	var s *Session
	grab := HookFunc(func(of *Session, next Sink) (Sink, error) { s = of; return nil, nil })
	if err := Join(t.Context(), a, b, &Options{Hooks: []Hook{grab, reply}}); err != nil {
		t.Fatal(err)
	}
	if got := a.sent(); !reflect.DeepEqual(got, []string{"y", "z"}) {
		t.Errorf("a got %q", got)
	}
	if got := s.Stats(AToB).Dropped; got != 2 || len(b.sent()) != 0 {
		t.Errorf("%d dropped, b got %q", got, b.sent())
	}
}

func TestStats(t *testing.T) {
	a, b := newFake(), newFake()
	s, err := NewSession(t.Context(), a, b, &Options{Hooks: []Hook{pong, hook(func(next Sink, d Direction, m core.Message) error {
		if string(m.Data) == "drop" {
			return nil
		}
		return next(d, m)
	})}})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []string{"1", "drop", "22"} {
		if err := s.Push(t.Context(), AToB, text(m)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := s.Stats(AToB), (Stats{Received: 3, ReceivedBytes: 7, Delivered: 2, DeliveredBytes: 3}); got != want {
		t.Errorf("a to b: %+v, want %+v", got, want)
	}
	if got, want := s.Stats(BToA), (Stats{Delivered: 3, DeliveredBytes: 4 + 7 + 5}); got != want {
		t.Errorf("b to a: %+v, want %+v", got, want)
	}
}

func TestEnd(t *testing.T) {
	boom := errors.New("boom")
	for _, err := range []error{nil, boom} {
		a, b := newFake(), newFake()
		var s *Session
		grab := HookFunc(func(of *Session, next Sink) (Sink, error) { s = of; return nil, nil })
		late := HookFunc(func(*Session, Sink) (Sink, error) {
			time.AfterFunc(time.Millisecond, func() { s.End(err) })
			return nil, nil
		})
		if got := Join(t.Context(), a, b, &Options{Hooks: []Hook{late, grab}}); got != err {
			t.Errorf("End(%v): Join returned %v", err, got)
		}
		want := err
		if want == nil {
			want = ErrStop
		}
		if got := context.Cause(s.Context()); got != want {
			t.Errorf("cause is %v, want %v", got, want)
		}
	}
}

// A push whose context ends while it waits for the turn leaves the session whole.
func TestPushGivesUpItsTurn(t *testing.T) {
	a, b := newFake(), newFake()
	b.gate = make(chan struct{})
	s, err := NewSession(t.Context(), a, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	first := make(chan error)
	go func() { first <- s.Push(t.Context(), AToB, text("1")) }()
	for s.Stats(AToB).Received == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(time.Millisecond, func() { cancel(errA) })
	if err := s.Push(ctx, AToB, text("2")); err != errA {
		t.Errorf("Push: %v", err)
	}
	close(b.gate)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := s.Push(t.Context(), AToB, text("3")); err != nil {
		t.Error(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if got := b.sent(); !reflect.DeepEqual(got, []string{"1", "3"}) {
		t.Errorf("b got %q", got)
	}
}

func TestPushFailureEndsTheSession(t *testing.T) {
	b := newFake()
	b.sendErr = errB
	s, err := NewSession(t.Context(), newFake(), b, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := SideError{B, OpSend, errB}
	var side *SideError
	if err := s.Push(t.Context(), AToB, text("1")); !errors.As(err, &side) || *side != want {
		t.Errorf("Push: %v", err)
	}
	<-s.Context().Done()
	if err := s.Push(t.Context(), AToB, text("2")); !errors.As(err, &side) || *side != want {
		t.Errorf("Push after the end: %v", err)
	}
	for range 2 {
		if err := s.Close(t.Context()); !errors.As(err, &side) || *side != want {
			t.Errorf("Close: %v", err)
		}
	}
}
