package relay

import (
	"context"
	"io"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/ws76/ws76/core"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is an endpoint in memory. What is sent to in comes out of Receive, spoiled
// at the next Receive as the contract allows; what is sent to it is kept.
type fake struct {
	in      chan string
	end     error         // of Receive once in is closed
	gate    chan struct{} // not nil: each Send takes a token first
	sendErr error         // of each Send
	onClose func(*fake) error

	last []byte

	mu     sync.Mutex
	out    []string
	kinds  []core.Kind
	closes int
	news   chan struct{} // holds a token when out or closes changed
}

func newFake() *fake {
	return &fake{in: make(chan string, 1000), end: io.EOF, news: make(chan struct{}, 1)}
}

func (f *fake) Receive(ctx context.Context) (core.Message, error) {
	for i := range f.last {
		f.last[i] = '!'
	}
	if ctx.Err() != nil {
		return core.Message{}, ctx.Err()
	}
	select {
	case s, ok := <-f.in:
		if !ok {
			return core.Message{}, f.end
		}
		f.last = append(f.last[:0], s...)
		return core.Message{Data: f.last}, nil
	case <-ctx.Done():
		return core.Message{}, ctx.Err()
	}
}

func (f *fake) Send(ctx context.Context, m core.Message) error {
	if f.gate != nil {
		select {
		case <-f.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if f.sendErr != nil {
		return f.sendErr
	}
	f.mu.Lock()
	f.out = append(f.out, string(m.Data))
	f.kinds = append(f.kinds, m.Kind)
	f.mu.Unlock()
	f.tell()
	return nil
}

func (f *fake) Close(ctx context.Context) error {
	f.mu.Lock()
	f.closes++
	f.mu.Unlock()
	f.tell()
	if f.onClose != nil {
		return f.onClose(f)
	}
	return nil
}

func (f *fake) tell() {
	select {
	case f.news <- struct{}{}:
	default:
	}
}

func (f *fake) sent() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.out...)
}

func (f *fake) closed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closes
}

// await returns when n messages were sent to f.
func (f *fake) await(t *testing.T, n int) {
	t.Helper()
	for len(f.sent()) < n {
		select {
		case <-f.news:
		case <-t.Context().Done():
			t.Fatalf("got %d messages, want %d", len(f.sent()), n)
		}
	}
}

func (f *fake) say(msgs ...string) *fake {
	for _, m := range msgs {
		f.in <- m
	}
	return f
}

// done closes f's input: Receive returns end.
func (f *fake) done() *fake { close(f.in); return f }

// hook makes a Hook of a function that is called with each message.
func hook(f func(next Sink, d Direction, m core.Message) error) Hook {
	return HookFunc(func(_ *Session, next Sink) (Sink, error) {
		return func(d Direction, m core.Message) error { return f(next, d, m) }, nil
	})
}

func text(s string) core.Message { return core.Message{Data: []byte(s)} }
