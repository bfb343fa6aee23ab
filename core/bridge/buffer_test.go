package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/bridge"
	"github.com/ws76/ws76/core/relay"
)

func messages(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = "message " + strconv.Itoa(i)
	}
	return list
}

func send(t *testing.T, e relay.Endpoint, texts []string) {
	t.Helper()
	for _, text := range texts {
		if err := e.Send(t.Context(), core.Message{Data: []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
}

// newBuffer is a buffer over u that dials again at once, and a pump that drops what
// it receives.
func newBuffer(t *testing.T, u *upstream, o bridge.BufferOptions) *bridge.Buffer {
	t.Helper()
	o.Dial = func(ctx context.Context) (relay.Endpoint, error) { return u.dial(ctx) }
	if o.Retries.Backoff == 0 {
		o.Retries.Backoff = time.Millisecond
	}
	b := bridge.NewBuffer(nil, o)
	pumped := make(chan bool)
	go func() {
		defer close(pumped)
		for {
			if _, err := b.Receive(context.Background()); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		b.Close(context.Background())
		<-pumped
	})
	return b
}

// What is sent while there is nobody is kept and sent in order; what is too much is
// dropped, the oldest, and counted.
func TestBufferKeeps(t *testing.T) {
	u := newUpstream(t, core.Hixie76)
	u.start()
	u.stop() // its address is known now
	b := newBuffer(t, u, bridge.BufferOptions{Size: 50})
	all := messages(120)
	send(t, b, all)
	if s := b.Stats(); s.Dropped != 70 || s.Sent != 0 {
		t.Errorf("stats %+v", s)
	}
	u.start()
	if got := u.all(50); !slices.Equal(got, all[70:]) {
		t.Errorf("got %q", got)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if s := b.Stats(); s.Sent != 50 || s.Lost() != 70 || s.Uncertain != 0 {
		t.Errorf("stats %+v", s)
	}
}

// The bound in bytes holds as well.
func TestBufferBytes(t *testing.T) {
	u := newUpstream(t, core.Hixie76)
	u.start()
	u.stop()
	b := newBuffer(t, u, bridge.BufferOptions{Size: 1000, Bytes: 100})
	for range 30 {
		send(t, b, []string{strings.Repeat("x", 10)})
	}
	if s := b.Stats(); s.Dropped != 20 {
		t.Errorf("stats %+v", s)
	}
	if err := b.Send(t.Context(), core.Message{Data: make([]byte, 101)}); !errors.Is(err, core.ErrMessageTooLarge) {
		t.Errorf("101 bytes: %v", err)
	}
}

// While the other side is there, a full buffer makes the sender wait, and drops
// nothing.
func TestBufferHolds(t *testing.T) {
	near, far := net.Pipe() // which takes nothing until it is read
	accepted := make(chan *core.Conn, 1)
	go func() {
		c, _ := core.Accept(context.Background(), far, nil)
		accepted <- c
	}()
	conn, err := core.Client(t.Context(), near, "ws://x/", nil)
	if err != nil {
		t.Fatal(err)
	}
	server := <-accepted
	b := bridge.NewBuffer(conn, bridge.BufferOptions{Size: 4, Dial: func(context.Context) (relay.Endpoint, error) { return nil, io.EOF }})
	ctx, cancel := context.WithCancel(t.Context())
	sent := 0
	for {
		some, stop := context.WithTimeout(ctx, 50*time.Millisecond)
		err := b.Send(some, core.Message{Data: []byte(strconv.Itoa(sent))})
		stop()
		if err != nil {
			break
		}
		if sent++; sent > 1000 {
			t.Fatal("it takes any number")
		}
	}
	cancel()
	go b.Receive(context.Background())
	for i := range sent {
		m, err := server.Receive(t.Context())
		if err != nil || string(m.Data) != strconv.Itoa(i) {
			t.Fatalf("message %d: %q, %v", i, m.Data, err)
		}
	}
	go server.Receive(t.Context())
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if s := b.Stats(); s.Dropped != 0 || s.Lost() != 0 || int(s.Sent) != sent {
		t.Errorf("stats %+v, sent %d", s, sent)
	}
	server.Close(t.Context())
}

// A close that means it is carried over; one that a restart looks like is not.
func TestFinal(t *testing.T) {
	for code, want := range map[int]bool{1000: true, 1001: false, 1002: true, 1005: false, 1006: false, 1008: true, 1011: false, 1012: false, 1013: false, 3000: true, 4000: true} {
		if got := bridge.Final(&core.CloseError{Clean: true, Code: code}); got != want {
			t.Errorf("code %d: %v", code, got)
		}
	}
	if bridge.Final(io.EOF) || bridge.Final(&core.CloseError{Code: 1000}) {
		t.Error("a break is final")
	}
	u := newUpstream(t, core.RFC6455)
	u.say = func(ctx context.Context, c *core.Conn) { c.SendClose(ctx, 4001, "enough") }
	u.start()
	b := bridge.NewBuffer(nil, bridge.BufferOptions{Size: 1, Dial: func(ctx context.Context) (relay.Endpoint, error) { return u.dial(ctx) }})
	defer b.Close(t.Context())
	_, err := b.Receive(t.Context())
	if code, reason := closeCode(err); code != 4001 || reason != "enough" || b.Ended() == nil {
		t.Errorf("Receive: %v, Ended %v", err, b.Ended())
	}
	if err := b.Send(t.Context(), core.Message{}); err == nil {
		t.Error("Send works behind the end")
	}
}

// After as many failures as it may have, a buffer gives up and says why.
func TestBufferGivesUp(t *testing.T) {
	reason := errors.New("nobody there")
	var attempts atomic.Int32
	b := bridge.NewBuffer(nil, bridge.BufferOptions{Size: 3, Retries: bridge.Retries{Most: 3, Backoff: time.Microsecond}, Dial: func(context.Context) (relay.Endpoint, error) {
		attempts.Add(1)
		return nil, reason
	}})
	if _, err := b.Receive(t.Context()); !errors.Is(err, reason) || attempts.Load() != 4 {
		t.Errorf("%v after %d attempts", err, attempts.Load())
	}
	b.Close(t.Context())
}

// What cannot be sent at all ends the session and is no reason to dial again.
func TestBufferRefused(t *testing.T) {
	u := newUpstream(t, core.Hixie76)
	u.start()
	b := newBuffer(t, u, bridge.BufferOptions{Size: 10})
	send(t, b, []string{"fine"})
	u.all(1) // it is there: nothing is dropped
	if err := b.Send(t.Context(), core.Message{Data: []byte{1}, Kind: core.Binary}); err != nil {
		t.Fatal(err)
	}
	var err error
	for err == nil {
		err = b.Send(t.Context(), core.Message{Data: []byte("more")})
	}
	if !errors.Is(err, core.ErrBinary) {
		t.Errorf("Send: %v", err)
	}
	if got := u.all(1); got[0] != "fine" {
		t.Errorf("got %q", got)
	}
	if s := b.Stats(); s.Opened != 1 {
		t.Errorf("stats %+v", s)
	}
}

// restartCount is how many messages TestRestarts sends each way: 100 000 with
// WS76_RESTART_MESSAGES=100000.
func restartCount(t *testing.T) int {
	text := os.Getenv("WS76_RESTART_MESSAGES")
	if text == "" {
		return 10_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// While the server behind a buffer is restarted ten times, messages go both ways
// through every pair of dialects. What the server sent before it closed arrives, and
// what was sent to it arrives but for what the buffer counts as dropped.
func TestRestarts(t *testing.T) {
	count := restartCount(t)
	eachPair(t, func(t *testing.T, from, to core.Dialect) {
		t.Parallel()
		for _, size := range []int{count + 1, 40} {
			t.Run(fmt.Sprintf("buffer of %d", size), func(t *testing.T) { restarts(t, from, to, count, size) })
		}
	})
}

func restarts(t *testing.T, from, to core.Dialect, count, size int) {
	// The server goes on saying where it stopped.
	u := newUpstream(t, to)
	var said, may atomic.Int64 // may: of what there is to say, before the next restart
	var saying sync.Mutex
	share := int64(count/11 + 1)
	may.Store(share)
	u.say = func(ctx context.Context, c *core.Conn) {
		saying.Lock()
		defer saying.Unlock()
		for said.Load() < min(may.Load(), int64(count)) {
			if c.Send(ctx, core.Message{Data: strconv.AppendInt(nil, said.Load(), 10)}) != nil {
				return
			}
			said.Add(1)
		}
	}
	u.start()
	client, a := pair(t, from)
	var buffer *bridge.Buffer
	over := make(chan error, 1)
	link := &bridge.Link{}
	buffer = bridge.NewBuffer(nil, bridge.BufferOptions{Size: size, Retries: bridge.Retries{Backoff: time.Millisecond}, CloseTimeout: patience,
		Dial: func(ctx context.Context) (relay.Endpoint, error) { return u.dial(ctx) }})
	go func() {
		over <- relay.Join(context.Background(), link.Conn(relay.A, a, nil), link.Buffer(relay.B, buffer), &relay.Options{
			Hooks: []relay.Hook{link.Hook()}, CloseTimeout: patience})
	}()

	heard := make(chan error, 1)
	go func() {
		for i := range count {
			m, err := client.Receive(t.Context())
			if err != nil || string(m.Data) != strconv.Itoa(i) {
				heard <- fmt.Errorf("message %d from the server: got %q, %w", i, m.Data, err)
				return
			}
		}
		heard <- nil
	}()
	for i := range count {
		if err := client.Send(t.Context(), core.Message{Data: strconv.AppendInt(nil, int64(i), 10)}); err != nil {
			t.Fatal(err)
		}
		switch i % (count / 10) {
		case count / 20:
			// It is in the middle of it, unless all have come already.
			u.all(min(len(u.all(0))+1, i+1-int(buffer.Stats().Lost())))
			u.stop()
			may.Add(share)
		case count/20 + count/40:
			u.start()
		}
	}
	if err := <-heard; err != nil {
		t.Fatal(err)
	}
	// All that the client has sent is taken once the bridge has ended.
	if err := client.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-over; err != nil {
		t.Errorf("the bridge: %v", err)
	}
	u.stop()
	s := buffer.Stats()
	got := u.all(0)
	if len(got)+int(s.Lost()) != count || int(s.Sent) != len(got) || s.Uncertain != 0 {
		t.Errorf("%d messages arrived of %d; stats %+v", len(got), count, s)
	}
	if size > count && len(got) != count {
		t.Errorf("%d messages are missing, and the buffer had room for all", count-len(got))
	}
	if s.Opened < 10 {
		t.Errorf("the server was reached %d times", s.Opened)
	}
	last := -1
	for _, text := range got {
		n, err := strconv.Atoi(text)
		if err != nil || n <= last {
			t.Fatalf("%q came behind %d", text, last)
		}
		last = n
	}
}
