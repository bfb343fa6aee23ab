package bridge

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay/format"
)

// guarded returns a stream with bounds, and its peer.
func guarded(t *testing.T, bounds Bounds) (*Stream, net.Conn) {
	t.Helper()
	ours, theirs := tcpPair(t)
	s := NewStream(ours, format.Options{MaxMessage: 1 << 20}, format.Options{}, bounds)
	t.Cleanup(func() {
		theirs.Close()
		s.Close(context.Background())
	})
	return s, theirs
}

// received are the errors, or messages, that a stream gives.
func received(s *Stream) <-chan any {
	all := make(chan any, 10)
	go func() {
		for {
			m, err := s.Receive(context.Background())
			if err != nil {
				all <- err
				return
			}
			all <- len(m.Data)
		}
	}()
	return all
}

func wantError(t *testing.T, from <-chan any, want error) {
	t.Helper()
	if err, _ := (<-from).(error); !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

func untilHeld(t *testing.T, b *core.Budget, is func(held int64) bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		held, _ := b.Held()
		if is(held) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d bytes are held", held)
		}
	}
}

// TestStreamPending: of streams with unfinished messages the one with the largest is given
// up, and nothing stays counted of those that are closed.
func TestStreamPending(t *testing.T) {
	budget := core.NewBudget(700 << 10)
	var held int64
	begin := func(size int) (<-chan any, *Stream) {
		s, peer := guarded(t, Bounds{Pending: budget})
		all := received(s)
		peer.Write(make([]byte, size))
		return all, s
	}
	_, first := begin(100 << 10)
	untilHeld(t, budget, func(n int64) bool { held = n; return n >= 100<<10 })
	largest, _ := begin(450 << 10)
	untilHeld(t, budget, func(n int64) bool { return n >= held+450<<10 })
	_, second := begin(100 << 10)
	wantError(t, largest, core.ErrPendingFull)
	untilHeld(t, budget, func(n int64) bool { return n == 2*held })
	first.Close(t.Context())
	second.Close(t.Context())
	if n, givenUp := budget.Held(); n != 0 || givenUp != 1 {
		t.Errorf("%d bytes are held, %d were given up", n, givenUp)
	}
}

// TestStreamSpare: memory that nothing unfinished needs is given up without the stream.
func TestStreamSpare(t *testing.T) {
	budget := core.NewBudget(5 << 18)
	large, peer := guarded(t, Bounds{Pending: budget})
	got := received(large)
	message := append(bytes.Repeat([]byte("x"), 900<<10), '\n')
	peer.Write(message)
	if n := <-got; n != 900<<10 {
		t.Fatal(n)
	}
	untilHeld(t, budget, func(n int64) bool { return n == 1<<20 })
	other, its := guarded(t, Bounds{Pending: budget})
	others := received(other)
	its.Write(message[:300<<10])
	untilHeld(t, budget, func(n int64) bool { return n > 300<<10 && n < 1<<20 })
	peer.Write([]byte("again\n"))
	its.Write([]byte("\n"))
	if n := <-got; n != 5 {
		t.Error("of the one with spare memory came", n)
	}
	if n := <-others; n != 300<<10 {
		t.Error("of the other came", n)
	}
}

// TestStreamIdle: streams that nothing has come from take no part of a budget.
func TestStreamIdle(t *testing.T) {
	budget := core.NewBudget(1)
	for range 3 {
		s, peer := guarded(t, Bounds{Pending: budget})
		all := received(s)
		for range 3 {
			peer.Write([]byte("\n"))
			if n := <-all; n != 0 {
				t.Fatal(n)
			}
		}
	}
	if _, givenUp := budget.Held(); givenUp != 0 {
		t.Errorf("%d were given up", givenUp)
	}
}

// TestStreamSlowMessage: a message has its time from its first byte on, and silence between
// two is none.
func TestStreamSlowMessage(t *testing.T) {
	const timeout = 100 * time.Millisecond
	s, peer := guarded(t, Bounds{MessageTimeout: timeout})
	all := received(s)
	for range 2 {
		time.Sleep(2 * timeout)
		peer.Write([]byte("whole\n"))
		if n := <-all; n != 5 {
			t.Fatal(n)
		}
	}
	peer.Write([]byte("whole\nhalf"))
	<-all
	wantError(t, all, core.ErrMessageSlow)
	wantReset(t, s, peer)
}

// wantReset closes a stream that was given up, which its peer is not to take for an end.
func wantReset(t *testing.T, s *Stream, peer net.Conn) {
	t.Helper()
	s.Close(t.Context())
	peer.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := io.Copy(io.Discard, peer); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the peer of one that was given up sees %v, and wants a reset", err)
	}
}

// TestStreamNotRead: a peer that takes nothing of what is sent to it is given up, one that
// takes a little at a time is not.
func TestStreamNotRead(t *testing.T) {
	const timeout = time.Second
	s, peer := guarded(t, Bounds{WriteTimeout: timeout})
	sent := make(chan error, 1)
	go func() { sent <- s.Send(context.Background(), core.Message{Data: make([]byte, 32<<20)}) }()
	for end := time.Now().Add(2 * timeout); time.Now().Before(end); time.Sleep(timeout / 100) {
		io.CopyN(io.Discard, peer, 64<<10)
	}
	select {
	case err := <-sent:
		t.Fatalf("sending ended too soon: %v", err)
	default:
	}
	if err := <-sent; !errors.Is(err, core.ErrNotRead) {
		t.Errorf("got %v", err)
	}
	wantReset(t, s, peer)
}
