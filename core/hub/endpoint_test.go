package hub

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
)

var (
	_ relay.Endpoint   = (*Endpoint)(nil)
	_ relay.Batcher    = (*Endpoint)(nil)
	_ relay.Readier    = (*Endpoint)(nil)
	_ relay.Nonblocker = (*Endpoint)(nil)
)

func endpoint(t *testing.T, h *Hub, o EndpointOptions) *Endpoint {
	t.Helper()
	e, err := h.Endpoint("c", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close(context.Background()) })
	return e
}

func TestEndpoint(t *testing.T) {
	h := newHub(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	a := endpoint(t, h, EndpointOptions{JoinOptions: JoinOptions{Publish: true}})
	b := endpoint(t, h, EndpointOptions{JoinOptions: JoinOptions{Publish: true}})
	silent := endpoint(t, h, EndpointOptions{JoinOptions: JoinOptions{Publish: true}, WriteOnly: true})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 5 {
			m, err := b.Receive(ctx)
			if err != nil || string(m.Data) != fmt.Sprint(i) {
				t.Errorf("message %d: %q, %v", i, m.Data, err)
			}
		}
	})
	for i := range 5 {
		if err := a.Send(ctx, text(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	if a.Ready() || silent.Ready() {
		t.Error("a publisher has its own, or a writer anything")
	}
	// What has arrived is there after Close, and then the end is.
	silent.Send(ctx, text("late"))
	b.Close(ctx)
	if m, err := b.Receive(ctx); string(m.Data) != "late" || err != nil {
		t.Errorf("after Close: %q, %v", m.Data, err)
	}
	if _, err := b.Receive(ctx); !errors.Is(err, net.ErrClosed) {
		t.Errorf("at the end: %v", err)
	}
	if err := b.Send(ctx, text("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Send after Close: %v", err)
	}
	// Close ends a Receive that waits, and so does its context.
	if m, _ := a.Receive(ctx); string(m.Data) != "late" {
		t.Errorf("got %q", m.Data)
	}
	wg.Go(func() {
		if _, err := a.Receive(ctx); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Receive while closing: %v", err)
		}
	})
	a.Close(ctx)
	wg.Wait()
	done, stop := context.WithCancelCause(ctx)
	stop(errors.New("enough"))
	if _, err := silent.Receive(done); err == nil || err.Error() != "enough" {
		t.Errorf("Receive with its context over: %v", err)
	}
}

func TestEndpointClosesSlow(t *testing.T) {
	h := newHub(t, nil)
	e := endpoint(t, h, EndpointOptions{Queue: 2, Slow: core.CloseSlow})
	h.Publish("c", text("1"), text("2"))
	if e.Queued() != 2 {
		t.Errorf("%d in the queue", e.Queued())
	}
	h.Publish("c", text("3"))
	h.Publish("c", text("4"))
	var got []string
	for {
		m, err := e.Receive(t.Context())
		if err != nil {
			if !errors.Is(err, ErrSlow) {
				t.Error(err)
			}
			break
		}
		got = append(got, string(m.Data))
	}
	// The one that did not fit is delivered still; what came after the end is not.
	if !slices.Equal(got, []string{"1", "2", "3"}) {
		t.Errorf("got %q", got)
	}
}

// TestEndpointQueue compares the queue with a plain list.
func TestEndpointQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slow := rapid.SampledFrom([]core.Slow{core.DropOldest, core.DropNewest}).Draw(t, "slow")
		most := rapid.IntRange(1, 6).Draw(t, "queue")
		mostBytes := rapid.IntRange(1, 20).Draw(t, "bytes")
		h, _ := New(nil)
		e, err := h.Endpoint("c", EndpointOptions{Queue: most, QueueBytes: mostBytes, Slow: slow})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close(context.Background())
		var want []string
		size, dropped, n := 0, uint64(0), 0
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "receive") && len(want) > 0 {
				m, err := e.Receive(context.Background())
				if err != nil || string(m.Data) != want[0] {
					t.Fatalf("got %q, %v; want %q", m.Data, err, want[0])
				}
				size -= len(want[0])
				want = want[1:]
				continue
			}
			m := join1(t, h)
			for range rapid.IntRange(1, 4).Draw(t, "batch") {
				s := fmt.Sprintf("%0*d", rapid.IntRange(1, 8).Draw(t, "size"), n)
				n++
				m.Queue(text(s))
				want = append(want, s)
				size += len(s)
			}
			m.Leave()
			for len(want) > 1 && (len(want) > most || size > mostBytes) {
				i := 0
				if slow == core.DropNewest {
					i = len(want) - 1
				}
				size -= len(want[i])
				want = slices.Delete(want, i, i+1)
				dropped++
			}
			if e.Queued() != len(want) || e.Dropped() != dropped || e.bytes != size {
				t.Fatalf("%d queued with %d bytes, %d dropped; want %d, %d, %d", e.Queued(), e.bytes, e.Dropped(), len(want), size, dropped)
			}
		}
	})
}

func join1(t *rapid.T, h *Hub) *Member {
	m, err := h.Join("c", nil, JoinOptions{Publish: true})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestEndpointQueueIsBounded: a sender that never flushes keeps little back.
func TestEndpointQueueIsBounded(t *testing.T) {
	h := newHub(t, nil)
	reader := endpoint(t, h, EndpointOptions{Queue: 1 << 20, QueueBytes: 1 << 30})
	writer := endpoint(t, h, EndpointOptions{JoinOptions: JoinOptions{Publish: true}})
	for _, size := range []int{0, 1000} {
		before := reader.Queued()
		for range 10_000 {
			if err := writer.Queue(t.Context(), core.Message{Data: make([]byte, size)}); err != nil {
				t.Fatal(err)
			}
		}
		if kept := 10_000 - (reader.Queued() - before); kept > gathered || kept*size > gatheredBytes {
			t.Errorf("%d messages of %d bytes are kept back", kept, size)
		}
		writer.Flush(t.Context())
	}
}
