package relay

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ws76/ws76/core"
)

// batcher is a fake that keeps what is queued until it is flushed, and notes the
// sizes of its writes.
type batcher struct {
	*fake
	queued []string
	writes []int
}

func (b *batcher) Queue(ctx context.Context, m core.Message) error {
	b.queued = append(b.queued, string(m.Data))
	return nil
}

func (b *batcher) Flush(ctx context.Context) error {
	for _, m := range b.queued {
		if err := b.fake.Send(ctx, text(m)); err != nil {
			return err
		}
	}
	b.writes = append(b.writes, len(b.queued))
	b.queued = b.queued[:0]
	return nil
}

func (b *batcher) Send(ctx context.Context, m core.Message) error {
	if err := b.Queue(ctx, m); err != nil {
		return err
	}
	return b.Flush(ctx)
}

// reads is a source whose messages come in reads of several.
type reads struct {
	*fake
	left [][]string
}

func (r *reads) Ready() bool { return len(r.left) > 0 && len(r.left[0]) > 0 }

func (r *reads) Receive(ctx context.Context) (core.Message, error) {
	if len(r.left) > 0 && len(r.left[0]) == 0 {
		r.left = r.left[1:]
	}
	if len(r.left) == 0 {
		return r.fake.Receive(ctx)
	}
	m := r.left[0][0]
	r.left[0] = r.left[0][1:]
	return text(m), nil
}

// The answers to one read leave in one write, even when the last is dropped.
func TestBatches(t *testing.T) {
	drop := hook(func(next Sink, d Direction, m core.Message) error {
		if string(m.Data) == "drop" {
			return nil
		}
		return next(d, m)
	})
	for _, hooks := range [][]Hook{nil, {drop}} {
		a := &reads{newFake().done(), [][]string{{"1", "2", "3"}, {"4"}, {"5", "6", "drop"}}}
		if hooks == nil {
			a.left[2] = a.left[2][:2]
		}
		b := &batcher{fake: newFake().lastWord(clean)}
		if err := Join(t.Context(), a, b, &Options{Hooks: hooks}); err != nil {
			t.Fatal(err)
		}
		if got := b.sent(); !reflect.DeepEqual(got, []string{"1", "2", "3", "4", "5", "6"}) {
			t.Errorf("b got %q", got)
		}
		if want := []int{3, 1, 2}; !reflect.DeepEqual(b.writes, want) {
			t.Errorf("writes of %v messages, want %v", b.writes, want)
		}
	}
}

// instant is an endpoint of an event loop: sending never waits.
type instant struct{ *fake }

func (instant) Nonblocking() bool { return true }

// An answer to an endpoint that never waits is there when Push returns.
func TestNonblocking(t *testing.T) {
	a, b := instant{newFake()}, instant{newFake()}
	s, err := NewSession(t.Context(), a, b, &Options{Hooks: []Hook{pong}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := s.Push(t.Context(), AToB, text(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		if got, want := len(a.sent()), i+1; got != want {
			t.Errorf("a got %d messages, want %d", got, want)
		}
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Whatever hooks do, whoever pushes and however slow the peers are: each side
// gets exactly what the last hook let through, in that order.
func TestOrder(t *testing.T) {
	type step struct {
		Pass, Answer int // how many copies go on, and turned
		First        bool
	}
	rapid.Check(t, func(t *rapid.T) {
		// What each hook does with its nth message, over and over.
		var hooks []Hook
		var timer Sink
		hooks = append(hooks, HookFunc(func(_ *Session, next Sink) (Sink, error) { timer = next; return nil, nil }))
		for h := range rapid.IntRange(0, 3).Draw(t, "hooks") {
			steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
				return step{
					Pass:   rapid.IntRange(0, 2).Draw(t, "pass"),
					Answer: rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "answer"),
					First:  rapid.Bool().Draw(t, "answer first"),
				}
			}), 1, 5).Draw(t, "steps")
			n := 0
			hooks = append(hooks, hook(func(next Sink, d Direction, m core.Message) error {
				st := steps[n%len(steps)]
				n++
				answer := func() error {
					for i := range st.Answer {
						if err := next(d.Reverse(), text(fmt.Sprintf("%s/re%d.%d", m.Data, h, i))); err != nil {
							return err
						}
					}
					return nil
				}
				if st.First {
					if err := answer(); err != nil {
						return err
					}
				}
				for i := range st.Pass {
					out := m
					if i > 0 {
						out = text(fmt.Sprintf("%s/%d.%d", m.Data, h, i))
					}
					if err := next(d, out); err != nil {
						return err
					}
				}
				if !st.First {
					return answer()
				}
				return nil
			}))
		}
		var want [2][]string // by Side; under the hooks' lock
		hooks = append(hooks, hook(func(next Sink, d Direction, m core.Message) error {
			want[d.To()] = append(want[d.To()], string(m.Data))
			return next(d, m)
		}))

		ends := [2]*fake{newFake(), newFake()}
		var tickers sync.WaitGroup
		stop := make(chan struct{})
		for _, f := range ends {
			if rapid.Bool().Draw(t, "slow") {
				f.gate = make(chan struct{})
				tickers.Go(func() {
					for {
						select {
						case f.gate <- struct{}{}:
							time.Sleep(10 * time.Microsecond)
						case <-stop:
							return
						}
					}
				})
			}
		}
		wrap := func(f *fake) Endpoint {
			switch rapid.IntRange(0, 2).Draw(t, "endpoint") {
			case 0:
				return &batcher{fake: f}
			case 1:
				if f.gate == nil {
					return instant{f}
				}
			}
			return f
		}
		s, err := NewSession(context.Background(), wrap(ends[A]), wrap(ends[B]), &Options{
			Hooks: hooks, MaxOutbox: 1 << 20, CloseTimeout: time.Minute,
		})
		if err != nil {
			t.Fatal(err)
		}
		perPusher := rapid.IntRange(1, 40).Draw(t, "messages")
		var pushers sync.WaitGroup
		for p, d := range []Direction{AToB, BToA, BToA} {
			pushers.Go(func() {
				for i := range perPusher {
					if err := s.Push(context.Background(), d, text(fmt.Sprintf("%d:%d", p, i))); err != nil {
						t.Errorf("push: %v", err)
					}
				}
			})
		}
		pushers.Go(func() {
			for i := range perPusher {
				d := Direction(i % 2)
				if err := s.Do(func() error { return timer(d, text(fmt.Sprintf("timer:%d", i))) }); err != nil {
					t.Errorf("do: %v", err)
				}
			}
		})
		pushers.Wait()
		if err := s.Close(context.Background()); err != nil {
			t.Fatalf("close: %v", err)
		}
		close(stop)
		tickers.Wait()
		for side, f := range ends {
			if got := f.sent(); !reflect.DeepEqual(got, want[side]) {
				t.Fatalf("%s got %q, want %q", Side(side), got, want[side])
			}
		}
	})
}

// pumper is a source that pumps by itself, in reads as reads has them.
type pumper struct{ *reads }

func (p pumper) Receive(context.Context) (core.Message, error) {
	return core.Message{}, fmt.Errorf("Receive of an endpoint that pumps")
}

func (p pumper) Pump(ctx context.Context, each func(core.Message) error, wait func() error) error {
	for {
		if !p.Ready() {
			if err := wait(); err != nil {
				return err
			}
		}
		m, err := p.reads.Receive(ctx)
		if err != nil {
			return err
		}
		if err := each(m); err != nil {
			return err
		}
	}
}

func TestPumper(t *testing.T) {
	boom := errors.New("boom")
	for _, tt := range []struct {
		stop   error // of the hook, at "5"
		fail   error // of b, when it is sent to
		want   error
		writes []int
	}{
		{writes: []int{3, 1, 2}},
		{stop: ErrStop, writes: []int{3, 1, 1}},
		{stop: boom, want: boom, writes: []int{3, 1, 1}},
		{fail: errB, want: errB},
	} {
		h := hook(func(next Sink, d Direction, m core.Message) error {
			if err := next(d, m); err != nil || string(m.Data) != "5" {
				return err
			}
			return tt.stop
		})
		a := pumper{&reads{newFake().done(), [][]string{{"1", "2", "3"}, {"4"}, {"5", "6"}}}}
		b := &batcher{fake: newFake().lastWord(clean)}
		b.sendErr = tt.fail
		err := Join(t.Context(), a, b, &Options{Hooks: []Hook{h}})
		if tt.want == nil && err != nil || !errors.Is(err, tt.want) {
			t.Errorf("%+v: Join: %v", tt, err)
		}
		if !reflect.DeepEqual(b.writes, tt.writes) {
			t.Errorf("%+v: writes of %v messages, want %v", tt, b.writes, tt.writes)
		}
	}
}

// halfCloser is a fake that is told of the end before it is closed.
type halfCloser struct {
	*fake
	told int
}

func (h *halfCloser) SendClose(ctx context.Context, code int, reason string) error {
	h.told++
	h.end = clean
	h.say("last", "words").done()
	return nil
}

func TestHalfCloser(t *testing.T) {
	a, b := newFake().say("1").done(), &halfCloser{fake: newFake()}
	if err := Join(t.Context(), a, b, nil); err != nil {
		t.Fatal(err)
	}
	if got := a.sent(); !reflect.DeepEqual(got, []string{"last", "words"}) {
		t.Errorf("a got %q", got)
	}
	if b.told != 1 || b.closed() != 1 {
		t.Errorf("SendClose was called %d times, Close %d times", b.told, b.closed())
	}
}

// failsInFlush takes what is queued, and fails in Flush.
type failsInFlush struct{ *fake }

func (failsInFlush) Queue(context.Context, core.Message) error { return nil }
func (failsInFlush) Flush(context.Context) error               { return errB }

// What the other side did not take counts as dropped, not as delivered.
func TestDropped(t *testing.T) {
	refusing := newFake()
	refusing.sendErr = errB
	for name, b := range map[string]Endpoint{"send": refusing, "flush": failsInFlush{newFake()}} {
		t.Run(name, func(t *testing.T) {
			s, err := NewSession(t.Context(), newFake(), b, nil)
			if err != nil {
				t.Fatal(err)
			}
			s.Push(t.Context(), AToB, text("one"))
			s.Push(t.Context(), AToB, text("two"))
			if err := s.Close(t.Context()); !errors.Is(err, errB) {
				t.Errorf("Close: %v", err)
			}
			if st := s.Stats(AToB); st.Delivered != 0 || st.DeliveredBytes != 0 || st.Dropped != st.Received || st.Received == 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}
