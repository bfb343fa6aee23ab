package relay

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/ws76/ws76/core"
)

// tape plays n messages and forgets what it is sent.
type tape struct {
	n    int
	data []byte
	got  int
}

func (t *tape) Receive(ctx context.Context) (core.Message, error) {
	if t.n == 0 {
		return core.Message{}, io.EOF
	}
	t.n--
	return core.Message{Data: t.data}, nil
}

func (t *tape) Ready() bool { return t.n > 0 }

func (t *tape) Queue(context.Context, core.Message) error      { t.got++; return nil }
func (t *tape) Flush(context.Context) error                    { return nil }
func (t *tape) Send(ctx context.Context, m core.Message) error { return t.Queue(ctx, m) }
func (t *tape) Close(context.Context) error                    { return nil }
func (t *tape) Nonblocking() bool                              { return true }

// fourHooks are one of each: they look, pass, replace and count.
func fourHooks() []Hook {
	scratch := make([]byte, 0, 1024)
	seen := 0
	return []Hook{
		hook(pass),
		hook(func(next Sink, d Direction, m core.Message) error {
			seen += len(m.Data)
			return next(d, m)
		}),
		hook(func(next Sink, d Direction, m core.Message) error {
			m.Data = append(scratch[:0], m.Data...)
			return next(d, m)
		}),
		hook(func(next Sink, d Direction, m core.Message) error {
			if len(m.Data) == 0 {
				return nil
			}
			return next(d, m)
		}),
	}
}

func TestAllocsPush(t *testing.T) {
	s, err := NewSession(t.Context(), &tape{}, &tape{}, &Options{Hooks: fourHooks()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	m := core.Message{Data: make([]byte, 125)}
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() {
		if err := s.Push(ctx, AToB, m); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per message, want none", n)
	}
}

func TestAllocsAnswer(t *testing.T) {
	answer := hook(func(next Sink, d Direction, m core.Message) error { return next(d.Reverse(), m) })
	s, err := NewSession(t.Context(), &tape{}, &tape{}, &Options{Hooks: []Hook{answer}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	m := core.Message{Data: make([]byte, 125)}
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() {
		if err := s.Push(ctx, AToB, m); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per answer to an endpoint that never waits, want none", n)
	}
}

// The allocations of a whole Join do not depend on how many messages it carries.
func TestAllocsJoin(t *testing.T) {
	mallocs := func(n int) uint64 {
		a, b := &tape{n: n, data: make([]byte, 125)}, &tape{}
		o := &Options{Hooks: fourHooks()}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := Join(t.Context(), a, b, o); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if b.got != n {
			t.Fatalf("b got %d messages of %d", b.got, n)
		}
		return after.Mallocs - before.Mallocs
	}
	mallocs(10)
	if few, many := mallocs(10), mallocs(100_000); many > few+200 {
		t.Errorf("%d allocations for 10 messages, %d for 100000", few, many)
	}
}

func benchmarkHooks(b *testing.B, hooks []Hook) {
	s, err := NewSession(b.Context(), &tape{}, &tape{}, &Options{Hooks: hooks})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(b.Context())
	ctx, m := b.Context(), core.Message{Data: make([]byte, 125)}
	b.ReportAllocs()
	b.SetBytes(int64(len(m.Data)))
	for b.Loop() {
		if err := s.Push(ctx, AToB, m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSessionHooks0(b *testing.B) { benchmarkHooks(b, nil) }
func BenchmarkSessionHooks1(b *testing.B) { benchmarkHooks(b, []Hook{hook(pass)}) }
func BenchmarkSessionHooks4(b *testing.B) {
	benchmarkHooks(b, []Hook{hook(pass), hook(pass), hook(pass), hook(pass)})
}

// BenchmarkSessionAnswer is an echo made by a hook, with and without a goroutine.
func BenchmarkSessionAnswer(b *testing.B) {
	answer := hook(func(next Sink, d Direction, m core.Message) error { return next(d.Reverse(), m) })
	for _, a := range []Endpoint{&tape{}, struct{ Endpoint }{&tape{}}} {
		_, nonblocking := a.(Nonblocker)
		b.Run(fmt.Sprintf("nonblocking=%v", nonblocking), func(b *testing.B) {
			s, err := NewSession(b.Context(), a, &tape{}, &Options{Hooks: []Hook{answer}, MaxOutbox: 1 << 30, MaxOutboxBytes: 1 << 40})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close(b.Context())
			ctx, m := b.Context(), core.Message{Data: make([]byte, 125)}
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Push(ctx, AToB, m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkJoin(b *testing.B) {
	for _, n := range []int{0, 4} {
		b.Run(fmt.Sprintf("hooks=%d", n), func(b *testing.B) {
			var hooks []Hook
			for range n {
				hooks = append(hooks, hook(pass))
			}
			b.ReportAllocs()
			a, z := &tape{n: b.N, data: make([]byte, 125)}, &tape{}
			if err := Join(b.Context(), a, z, &Options{Hooks: hooks}); err != nil || z.got != b.N {
				b.Fatal(err, z.got)
			}
		})
	}
}
