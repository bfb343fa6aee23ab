package live

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hub"
	"github.com/ws76/ws76/core/hub/nats"
)

const natsBound = 30 * time.Second

// startNATS runs a NATS server until the test is over; port 0 is any.
func startNATS(t testing.TB, o server.Options) *server.Server {
	t.Helper()
	o.Host, o.NoLog, o.NoSigs, o.MaxPayload = "127.0.0.1", true, true, 64<<10
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	s, err := server.NewServer(&o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(natsBound) {
		t.Fatal("the NATS server does not start")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

// machine is a hub on NATS, as one process has it.
type machine struct {
	*hub.Hub
	plane *nats.Backplane

	mu    sync.Mutex
	notes []string
	lost  uint64
}

func newMachine(t *testing.T, url string, o nats.Options) *machine {
	t.Helper()
	m := &machine{}
	o.Note = func(text string) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.notes = append(m.notes, text)
	}
	o.Lost = func(_ string, n uint64) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.lost += n
	}
	plane, err := nats.Dial(t.Context(), []string{url}, &o)
	if err != nil {
		t.Fatal(err)
	}
	m.plane = plane
	if m.Hub, err = hub.New(&hub.Options{Backplane: plane}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func (m *machine) said(text string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.ContainsFunc(m.notes, func(n string) bool { return strings.Contains(n, text) })
}

func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	for start := time.Now(); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Since(start) > natsBound {
			t.Fatalf("never so: %s", what)
		}
	}
}

func join(t *testing.T, m *machine, channel string, o hub.EndpointOptions) *hub.Endpoint {
	t.Helper()
	o.Publish = true
	o.Queue = 1 << 20
	e, err := m.Endpoint(channel, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close(context.Background()) })
	return e
}

func receive(t *testing.T, e interface {
	Receive(context.Context) (core.Message, error)
}) core.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), natsBound)
	defer cancel()
	m, err := e.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// linked makes sure that what a publishes reaches b: a subscription takes a moment
// to be known to the server.
func linked(t *testing.T, a, b *hub.Endpoint) {
	t.Helper()
	until(t, "messages get through", func() bool {
		a.Send(t.Context(), core.Message{Data: []byte("ping")})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := b.Receive(ctx)
		return err == nil
	})
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, err := b.Receive(ctx)
		cancel()
		if err != nil {
			return
		}
	}
}

func TestNATS(t *testing.T) {
	url := startNATS(t, server.Options{}).ClientURL()
	here, there := newMachine(t, url, nats.Options{}), newMachine(t, url, nats.Options{})
	const channel = "Küche.1:a"
	a, b := join(t, here, channel, hub.EndpointOptions{}), join(t, there, channel, hub.EndpointOptions{})
	own := join(t, here, channel, hub.EndpointOptions{})
	other := join(t, there, "Küche", hub.EndpointOptions{})
	linked(t, a, b)
	linked(t, b, a)
	for own.Ready() {
		receive(t, own)
	}

	binary := core.Message{Data: []byte("\x00\xff"), Kind: core.Binary}
	for _, m := range []core.Message{{Data: []byte("text")}, binary, {Data: []byte("")}} {
		if err := a.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		for who, e := range map[string]*hub.Endpoint{"there": b, "here": own} {
			if got := receive(t, e); !bytes.Equal(got.Data, m.Data) || got.Kind != m.Kind {
				t.Errorf("%s: %v %q, want %v %q", who, got.Kind, got.Data, m.Kind, m.Data)
			}
		}
	}
	if a.Ready() || own.Ready() || other.Ready() {
		t.Error("somebody got what was not for them, or their own back")
	}

	// Others on NATS can take part.
	client, err := natsgo.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	client.Publish(nats.Subject(channel), []byte("from outside"))
	if got := receive(t, b); string(got.Data) != "from outside" {
		t.Errorf("got %q", got.Data)
	}
	receive(t, a)
	// What is no text is not passed on as one.
	client.Publish(nats.Subject(channel), []byte("\xff"))
	client.Publish(nats.Subject(channel), []byte("after"))
	if got := receive(t, b); string(got.Data) != "after" {
		t.Errorf("got %q", got.Data)
	}
	receive(t, a)

	// More than the server takes is counted, and costs nothing else.
	if err := here.Publish(channel, core.Message{Data: bytes.Repeat([]byte("x"), 65<<10)}); err == nil || here.Stats().Lost != 1 {
		t.Errorf("a message that is too large: %v, %d lost", err, here.Stats().Lost)
	}
	a.Send(t.Context(), core.Message{Data: []byte("next")})
	if got := receive(t, b); string(got.Data) != "next" {
		t.Errorf("got %.20q", got.Data)
	}
}

// TestNATSOrder: many publish on two machines; each one's messages arrive in order
// and once, everywhere.
func TestNATSOrder(t *testing.T) {
	const publishers, messages = 6, 500
	url := startNATS(t, server.Options{}).ClientURL()
	machines := []*machine{newMachine(t, url, nats.Options{}), newMachine(t, url, nats.Options{})}
	readers := []*hub.Endpoint{join(t, machines[0], "c", hub.EndpointOptions{}), join(t, machines[1], "c", hub.EndpointOptions{})}
	linked(t, readers[0], readers[1])
	linked(t, readers[1], readers[0])
	for _, r := range readers {
		for r.Ready() {
			receive(t, r)
		}
	}
	var publishing sync.WaitGroup
	for p := range publishers {
		publishing.Go(func() {
			m, err := machines[p%2].Join("c", nil, hub.JoinOptions{Publish: true})
			if err != nil {
				t.Error(err)
				return
			}
			defer m.Leave()
			for i := range messages {
				m.Queue(core.Message{Data: fmt.Appendf(nil, "%d %d", p, i)})
				if i%7 == 0 {
					m.Flush()
				}
			}
		})
	}
	for _, r := range readers {
		next := map[string]int{}
		for range publishers * messages {
			p, i, _ := strings.Cut(string(receive(t, r).Data), " ")
			if i != strconv.Itoa(next[p]) {
				t.Fatalf("publisher %s: %s came when %d was due", p, i, next[p])
			}
			next[p]++
		}
	}
	publishing.Wait()
	if n := machines[0].plane.Lost() + machines[1].plane.Lost(); n != 0 {
		t.Errorf("%d are said to be lost", n)
	}
}

// TestNATSRestart: the server goes and comes again. Messages flow again, and what
// did not arrive is counted.
func TestNATSRestart(t *testing.T) {
	s := startNATS(t, server.Options{})
	port := s.Addr().(*net.TCPAddr).Port
	here, there := newMachine(t, s.ClientURL(), nats.Options{}), newMachine(t, s.ClientURL(), nats.Options{})
	a, b := join(t, here, "c", hub.EndpointOptions{}), join(t, there, "c", hub.EndpointOptions{})
	linked(t, a, b)

	sent := 0
	send := func(n int) {
		for range n {
			a.Send(t.Context(), core.Message{Data: []byte(strconv.Itoa(sent))})
			sent++
		}
	}
	send(100)
	s.Shutdown()
	s.WaitForShutdown()
	until(t, "the loss of the connection is noted", func() bool { return here.said("connection lost") && there.said("connection lost") })
	send(100) // kept for when there is a connection again, or lost
	startNATS(t, server.Options{Port: port})
	until(t, "the connection is there again", func() bool { return here.said("connected again") && there.said("connected again") })
	until(t, "messages get through", func() bool {
		send(1)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		for got := -1; ; {
			m, err := b.Receive(ctx)
			if err != nil {
				return got == sent-1
			}
			if got, err = strconv.Atoi(string(m.Data)); err != nil {
				t.Fatal(err)
			}
		}
	})
	received := uint64(there.Stats().Messages)
	if lost := there.plane.Lost(); received+lost < uint64(sent) {
		t.Errorf("of %d messages %d arrived and %d are counted as lost", sent, received, lost)
	}
}

// TestNATSRefuses: an error says why, and no password.
func TestNATSRefuses(t *testing.T) {
	s := startNATS(t, server.Options{Username: "ann", Password: "right"})
	addr := s.Addr().String()
	if plane, err := nats.Dial(t.Context(), []string{"nats://ann:right@" + addr}, nil); err != nil {
		t.Error(err)
	} else {
		plane.Open(func(string, core.Message) {})
		plane.Close()
	}
	_, err := nats.Dial(t.Context(), []string{"nats://ann:hunter2@" + addr}, nil)
	if err == nil || !strings.Contains(err.Error(), "Authorization") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("wrong password: %v", err)
	}
}

// TestNATSServers: two servers share a channel, draft 76 on one and RFC 6455 on the
// other, and go on after a restart of NATS.
func TestNATSServers(t *testing.T) {
	s := startNATS(t, server.Options{})
	port := s.Addr().(*net.TCPAddr).Port
	addrs := []string{freeAddr(t), freeAddr(t)}
	for _, addr := range addrs {
		cmd := serve(t, addr, "--hub", s.ClientURL(), "--queue", "100000")
		t.Cleanup(func() { stop(t, cmd) })
	}
	device := dial(t, "ws+hixie76://"+addrs[0]+"/ws/lab/rw")
	page := dial(t, "ws+rfc6455://"+addrs[1]+"/ws/lab/rw")

	ping := func(from, to *core.Conn) {
		t.Helper()
		seen, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			var once sync.Once
			for {
				switch m := receive(t, to); string(m.Data) {
				case "ping":
					once.Do(func() { close(seen) })
				case "pinged":
					return
				}
			}
		}()
		for over := false; !over; {
			if err := from.Send(t.Context(), core.Message{Data: []byte("ping")}); err != nil {
				t.Fatal(err)
			}
			select {
			case <-seen:
				over = true
			case <-stopped: // it has failed
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
		if err := from.Send(t.Context(), core.Message{Data: []byte("pinged")}); err != nil {
			t.Fatal(err)
		}
		<-stopped
	}
	ping(device, page)
	ping(page, device)
	const messages = 2000
	var sending sync.WaitGroup
	for _, c := range []*core.Conn{device, page} {
		sending.Go(func() {
			for i := range messages {
				if err := c.Send(t.Context(), core.Message{Data: []byte(strconv.Itoa(i))}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for _, c := range []*core.Conn{device, page} {
		for i := range messages {
			if m := receive(t, c); string(m.Data) != strconv.Itoa(i) {
				t.Fatalf("%s: %s when %d was due", c.Dialect(), m.Data, i)
			}
		}
	}
	sending.Wait()

	s.Shutdown()
	s.WaitForShutdown()
	startNATS(t, server.Options{Port: port})
	ping(device, page)
	ping(page, device)
}

func dial(t *testing.T, url string) *core.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), natsBound)
	defer cancel()
	conn, err := core.Dial(ctx, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}
