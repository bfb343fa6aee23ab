package live

import (
	"bytes"
	"context"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hub"
	"github.com/ws76/ws76/core/hub/nats"
	"github.com/ws76/ws76/endpoints/broker"
	natsendpoint "github.com/ws76/ws76/endpoints/nats"
)

// stopped is a connection over which nothing is sent while its gate is shut.
type stopped struct {
	net.Conn
	gate *sync.RWMutex
}

func (s stopped) Write(b []byte) (int, error) {
	s.gate.RLock()
	defer s.gate.RUnlock()
	return s.Conn.Write(b)
}

// TestNATSStopped: a server that takes nothing holds up nobody, who publishes or who joins; what
// waits for it is bounded, the rest is lost and counted, and the connection outlasts it.
func TestNATSStopped(t *testing.T) {
	const pending = 256 << 10
	s := startNATS(t, server.Options{})
	var gate sync.RWMutex
	here := newMachine(t, s.ClientURL(), nats.Options{PendingBytes: pending, Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, addr)
		return stopped{conn, &gate}, err
	}})
	there := newMachine(t, s.ClientURL(), nats.Options{})
	a, b := join(t, here, "c", hub.EndpointOptions{}), join(t, there, "c", hub.EndpointOptions{})
	linked(t, a, b)

	received, lost := there.Stats().Messages, here.Stats().Lost
	sent := 0
	send := func(n int) {
		for range n {
			a.Send(t.Context(), core.Message{Data: bytes.Repeat([]byte{'x'}, 1<<10)})
			sent++
		}
	}
	gate.Lock()
	send(64 << 10)
	late := join(t, here, "late", hub.EndpointOptions{})
	for i := range 1000 { // who comes and goes takes no more
		if e, err := here.Endpoint("other"+strconv.Itoa(i), hub.EndpointOptions{}); err == nil {
			e.Close(t.Context())
		}
	}
	if kept := uint64(sent) - (here.Stats().Lost - lost); kept == 0 || kept > 2*pending>>10 {
		t.Errorf("%d of %d messages are kept", kept, sent)
	}
	gate.Unlock()

	until(t, "what was kept has arrived", func() bool {
		return there.Stats().Messages-received == uint64(sent)-(here.Stats().Lost-lost)
	})
	linked(t, join(t, there, "late", hub.EndpointOptions{}), late)
	if here.said("lost") {
		t.Errorf("the connection was given up: %q", here.notes)
	}
}

// TestNATSArriving: what comes faster than it is delivered takes no more memory than it may, and
// the rest is counted.
func TestNATSArriving(t *testing.T) {
	const pending = 256 << 10
	s := startNATS(t, server.Options{})
	from, err := nats.Dial(t.Context(), []string{s.ClientURL()}, &nats.Options{PendingBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	from.Open(func(string, core.Message) {})
	to, err := nats.Dial(t.Context(), []string{s.ClientURL()}, &nats.Options{PendingBytes: pending})
	if err != nil {
		t.Fatal(err)
	}
	publish := func(n int) {
		for range n {
			var b core.Shared
			b.Add(core.Message{Data: make([]byte, 10<<10)})
			if err := from.Publish("c", &b); err != nil {
				t.Fatal(err)
			}
		}
	}
	var mu sync.Mutex
	held := make(chan struct{})
	delivered := 0
	to.Open(func(string, core.Message) {
		<-held
		mu.Lock()
		delivered++
		mu.Unlock()
	})
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return delivered
	}
	if err := to.Subscribe("c"); err != nil {
		t.Fatal(err)
	}
	const many = 3000
	until(t, "it is subscribed", func() bool { publish(1); return passed(t, s) > 0 })
	publish(many)
	until(t, "the server has sent them", func() bool { return passed(t, s) > many })
	close(held)
	until(t, "the next one tells what is lost", func() bool { publish(1); return to.Lost() > 0 })
	if n := count(); n > many/2 {
		t.Errorf("%d messages of 10 KiB were kept", n)
	}
	from.Close()
	to.Close()
}

// passed is how many messages a server has sent to its clients.
func passed(t *testing.T, s *server.Server) int64 {
	t.Helper()
	v, err := s.Varz(nil)
	if err != nil {
		t.Fatal(err)
	}
	return v.OutMsgs
}

// held is a connection of which no Write returns, once it is held, before it is closed.
type held struct {
	net.Conn
	holds  *atomic.Bool
	closed context.Context
	close  context.CancelFunc
}

func (h *held) Write(b []byte) (int, error) {
	if h.holds.Load() {
		<-h.closed.Done()
		return 0, net.ErrClosed
	}
	return h.Conn.Write(b)
}

func (h *held) Close() error {
	h.close()
	return h.Conn.Close()
}

// TestNATSEndpointStopped: an endpoint ends within the time that it is given while its server takes nothing, and says
// of how many messages it is not known whether they arrived.
func TestNATSEndpointStopped(t *testing.T) {
	s := startNATS(t, server.Options{})
	for _, query := range []string{"", "?request=1"} {
		t.Run(query, func(t *testing.T) {
			var holds atomic.Bool
			var lost atomic.Uint64
			o := &broker.Options{
				Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
					var d net.Dialer
					conn, err := d.DialContext(ctx, network, addr)
					closed, end := context.WithCancel(context.Background())
					return &held{conn, &holds, closed, end}, err
				},
				Lost: func(n uint64, why string) { lost.Add(n) },
			}
			e, err := natsendpoint.Open(t.Context(), "nats://"+s.Addr().String()+"/stopped"+query, o)
			if err != nil {
				t.Fatal(err)
			}
			holds.Store(true)
			short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			sent := uint64(0)
			over := make(chan error, 1)
			go func() {
				for sent < 100 && e.Queue(short, core.Message{Data: bytes.Repeat([]byte{'x'}, 32<<10)}) == nil {
					sent++
				}
				over <- e.Close(short)
			}()
			select {
			case err := <-over:
				if err == nil || sent == 0 || lost.Load() != sent {
					t.Errorf("of %d messages %d are said not to have arrived; %v", sent, lost.Load(), err)
				}
			case <-time.After(natsBound):
				t.Fatal("it does not end")
			}
		})
	}
}
