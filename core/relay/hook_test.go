package relay

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/ws76/ws76/core"
)

func pass(next Sink, d Direction, m core.Message) error { return next(d, m) }

func TestHooks(t *testing.T) {
	drop := hook(func(next Sink, d Direction, m core.Message) error {
		if bytes.HasPrefix(m.Data, []byte("drop")) {
			return nil
		}
		return next(d, m)
	})
	// The scratch of split and upper is used again at once: next has copied it.
	scratch := make([]byte, 0, 100)
	split := hook(func(next Sink, d Direction, m core.Message) error {
		for part := range bytes.SplitSeq(m.Data, []byte(",")) {
			scratch = append(scratch[:0], part...)
			if err := next(d, core.Message{Data: scratch, Kind: m.Kind}); err != nil {
				return err
			}
		}
		return nil
	})
	upper := hook(func(next Sink, d Direction, m core.Message) error {
		scratch = append(scratch[:0], bytes.ToUpper(m.Data)...)
		return next(d, core.Message{Data: scratch, Kind: core.Binary})
	})
	answer := hook(func(next Sink, d Direction, m core.Message) error {
		if bytes.HasPrefix(m.Data, []byte("ping")) {
			scratch = append(append(scratch[:0], "pong"...), m.Data[4:]...)
			return next(d.Reverse(), core.Message{Data: scratch})
		}
		return next(d, m)
	})
	tag := func(name string) Hook {
		return hook(func(next Sink, d Direction, m core.Message) error {
			return next(d, text(string(m.Data)+" "+name+strings.ToUpper(d.To().String())))
		})
	}

	tests := []struct {
		name  string
		hooks []Hook
		in    []string // of a
		b, a  []string // what b and a get
	}{
		{"none", nil, []string{"x", "", "y"}, []string{"x", "", "y"}, nil},
		{"pass", []Hook{hook(pass), hook(pass)}, []string{"x", "", "y"}, []string{"x", "", "y"}, nil},
		{"drop", []Hook{drop}, []string{"x", "drop me", "y"}, []string{"x", "y"}, nil},
		{"split", []Hook{split}, []string{"a,b,,c", "d"}, []string{"a", "b", "", "c", "d"}, nil},
		{"replace", []Hook{upper}, []string{"x", "y"}, []string{"X", "Y"}, nil},
		{"split then replace", []Hook{split, upper}, []string{"a,b"}, []string{"A", "B"}, nil},
		{"answer", []Hook{answer}, []string{"x", "ping1", "y", "ping2"}, []string{"x", "y"}, []string{"pong1", "pong2"}},
		{"split then answer", []Hook{split, answer}, []string{"ping1,x,ping2"}, []string{"x"}, []string{"pong1", "pong2"}},
		{"order of the chain", []Hook{tag("1"), tag("2")}, []string{"x"}, []string{"x 1B 2B"}, nil},
		{"an answer goes on through the rest", []Hook{tag("1"), answer, tag("3")}, []string{"ping"}, nil, []string{"pong 1B 3A"}},
		{"answer to an answer", []Hook{answer, hook(func(next Sink, d Direction, m core.Message) error {
			return errors.Join(next(d, m), next(d.Reverse(), text("saw "+string(m.Data))))
		})}, []string{"ping"}, []string{"saw pong"}, []string{"pong"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := newFake().say(tt.in...).done(), newFake()
			b.onClose = func(f *fake) error { close(f.in); return nil }
			if err := Join(t.Context(), a, b, &Options{Hooks: tt.hooks}); err != nil {
				t.Fatal(err)
			}
			if got := b.sent(); !reflect.DeepEqual(got, tt.b) {
				t.Errorf("b got %q, want %q", got, tt.b)
			}
			if got := a.sent(); !reflect.DeepEqual(got, tt.a) {
				t.Errorf("a got %q, want %q", got, tt.a)
			}
		})
	}
}

func TestHooksSeeBothDirections(t *testing.T) {
	var saw []string
	h := hook(func(next Sink, d Direction, m core.Message) error {
		saw = append(saw, fmt.Sprintf("%s: %s", d, m.Data))
		return next(d, m)
	})
	a, b := newFake(), newFake()
	s, err := NewSession(t.Context(), a, b, &Options{Hooks: []Hook{h}})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct {
		d Direction
		m string
	}{{AToB, "1"}, {BToA, "2"}, {AToB, "3"}} {
		if err := s.Push(t.Context(), p.d, text(p.m)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a to b: 1", "b to a: 2", "a to b: 3"}; !reflect.DeepEqual(saw, want) {
		t.Errorf("saw %q, want %q", saw, want)
	}
	if got := a.sent(); !reflect.DeepEqual(got, []string{"2"}) {
		t.Errorf("a got %q", got)
	}
}

func TestHookErrors(t *testing.T) {
	boom := errors.New("boom")
	fail := func(err error) Hook {
		return hook(func(next Sink, d Direction, m core.Message) error {
			if e := next(d, m); e != nil {
				return e
			}
			if string(m.Data) == "3" {
				return fmt.Errorf("wrapped: %w", err)
			}
			return nil
		})
	}
	for _, tt := range []struct {
		err  error
		want func(error) bool
	}{
		{ErrStop, func(err error) bool { return err == nil }},
		{boom, func(err error) bool {
			var h *HookError
			return errors.As(err, &h) && h.Direction == AToB && errors.Is(err, boom)
		}},
	} {
		a, b := newFake().say("1", "2", "3", "4"), newFake()
		err := Join(t.Context(), a, b, &Options{Hooks: []Hook{fail(tt.err)}})
		if !tt.want(err) {
			t.Errorf("%v: Join returned %v", tt.err, err)
		}
		if got := b.sent(); !reflect.DeepEqual(got, []string{"1", "2", "3"}) {
			t.Errorf("%v: b got %q, want what was emitted before the error", tt.err, got)
		}
		if a.closed() != 1 || b.closed() != 1 {
			t.Errorf("%v: closed a %d times, b %d times", tt.err, a.closed(), b.closed())
		}
	}
}

func TestAttachError(t *testing.T) {
	boom := errors.New("boom")
	a, b := newFake(), newFake()
	bad := HookFunc(func(*Session, Sink) (Sink, error) { return nil, boom })
	err := Join(t.Context(), a, b, &Options{Hooks: []Hook{hook(pass), bad}})
	if !errors.Is(err, boom) || !strings.Contains(err.Error(), "hook 2 of 2") {
		t.Errorf("got %v", err)
	}
	if a.closed() != 1 || b.closed() != 1 {
		t.Errorf("closed a %d times, b %d times", a.closed(), b.closed())
	}
}

func TestAttachEmitsAndStaysOut(t *testing.T) {
	hello := HookFunc(func(s *Session, next Sink) (Sink, error) {
		return nil, next(BToA, text("hello"))
	})
	a, b := newFake(), newFake()
	s, err := NewSession(t.Context(), a, b, &Options{Hooks: []Hook{hello}})
	if err != nil {
		t.Fatal(err)
	}
	if s.chain != nil {
		t.Error("a hook without a sink made a chain")
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := a.sent(); !reflect.DeepEqual(got, []string{"hello"}) {
		t.Errorf("a got %q", got)
	}
}

func TestDo(t *testing.T) {
	var mine Sink
	h := HookFunc(func(s *Session, next Sink) (Sink, error) {
		mine = next
		return next, nil
	})
	a, b := newFake(), newFake()
	s, err := NewSession(t.Context(), a, b, &Options{Hooks: []Hook{h}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if err := s.Do(func() error { return mine(BToA, text(fmt.Sprint(2*i))) }); err != nil {
			t.Fatal(err)
		}
		if err := s.Push(t.Context(), BToA, text(fmt.Sprint(2*i+1))); err != nil {
			t.Fatal(err)
		}
	}
	boom := errors.New("boom")
	if err := s.Do(func() error { return boom }); err != boom {
		t.Errorf("Do returned %v", err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, m := range a.sent() {
		if m != fmt.Sprint(i) {
			t.Fatalf("message %d is %q", i, m)
		}
	}
	if n := len(a.sent()); n != 100 {
		t.Errorf("a got %d messages", n)
	}
	if err := s.Do(func() error { t.Error("ran"); return nil }); err != ErrClosed {
		t.Errorf("Do after Close: %v", err)
	}
	if err := s.Push(t.Context(), AToB, text("x")); err != ErrClosed {
		t.Errorf("Push after Close: %v", err)
	}
}
