package core_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ws76/ws76/core"
)

func TestMain(m *testing.M) {
	if kind := os.Getenv(serverEnv); kind != "" {
		benchServer(kind)
		return
	}
	goleak.VerifyTestMain(m)
}

// bound is how long a test waits for what must happen.
const bound = 10 * time.Second

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	t.Cleanup(cancel)
	return ctx
}

// streams returns the two ends of a TCP connection.
func streams(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// pair opens a connection and returns both sides.
func pair(t *testing.T, d *core.DialOptions, a *core.AcceptOptions) (client, server *core.Conn) {
	t.Helper()
	cs, ss := streams(t)
	accepted := make(chan error, 1)
	go func() {
		var err error
		server, err = core.Accept(testContext(t), ss, a)
		accepted <- err
	}()
	client, err := core.Client(testContext(t), cs, "ws://example.com/chat?x=1", d)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-accepted; err != nil {
		t.Fatal(err)
	}
	return client, server
}

func each(t *testing.T, f func(t *testing.T, d core.Dialect)) {
	for _, d := range core.Dialects {
		t.Run(string(d), func(t *testing.T) { f(t, d) })
	}
}

var texts = []string{
	"", "hello", "wörld 日本語 😀𝄞", "a\x00b", strings.Repeat("x", 125), strings.Repeat("x", 126),
	strings.Repeat("ü", 32767) + "x", strings.Repeat("y", 65536), strings.Repeat("é", 1<<19),
}

func TestEcho(t *testing.T) {
	each(t, func(t *testing.T, d core.Dialect) {
		for _, compress := range []bool{false, true} {
			client, server := pair(t, &core.DialOptions{Dialect: d, Compress: compress}, &core.AcceptOptions{Compress: compress})
			if client.Dialect() != d || server.Dialect() != d {
				t.Fatalf("dialects %v and %v", client.Dialect(), server.Dialect())
			}
			done := make(chan error, 1)
			go func() { done <- core.Copy(context.Background(), server, server) }()
			ctx := testContext(t)
			for _, text := range texts {
				if err := client.Send(ctx, core.Message{Data: []byte(text)}); err != nil {
					t.Fatal(err)
				}
				m, err := client.Receive(ctx)
				if err != nil {
					t.Fatalf("%d bytes: %v", len(text), err)
				}
				if string(m.Data) != text || m.Kind != core.Text {
					t.Fatalf("sent %d bytes, got %d", len(text), len(m.Data))
				}
			}
			if err := client.Close(ctx); err != nil {
				t.Fatalf("close: %v", err)
			}
			var ce *core.CloseError
			if err := <-done; !errors.As(err, &ce) || !ce.Clean || !ce.ByPeer {
				t.Fatalf("server: %v", err)
			}
			// Everything after the end says how it ended.
			if err := client.Send(ctx, core.Message{}); !errors.As(err, &ce) {
				t.Errorf("Send after the end: %v", err)
			}
			if _, err := client.Receive(ctx); !errors.As(err, &ce) {
				t.Errorf("Receive after the end: %v", err)
			}
			want := uint64(len(texts))
			if s := client.Stats(); s.MessagesIn != want || s.MessagesOut != want {
				t.Errorf("stats %+v", s)
			}
		}
	})
}

func TestBinary(t *testing.T) {
	each(t, func(t *testing.T, d core.Dialect) {
		client, server := pair(t, &core.DialOptions{Dialect: d}, nil)
		ctx := testContext(t)
		data := []byte{0, 1, 0xFE, 0xFF, 0x80}
		err := client.Send(ctx, core.Message{Data: data, Kind: core.Binary})
		if d != core.RFC6455 {
			if !errors.Is(err, core.ErrBinary) {
				t.Fatalf("got %v", err)
			}
			err = client.Send(ctx, core.Message{Data: data})
			var invalid *core.InvalidUTF8Error
			if !errors.As(err, &invalid) || invalid.Offset != 2 {
				t.Fatalf("got %v", err)
			}
			// Nothing was sent and the connection goes on.
			data = []byte("text")
			err = client.Send(ctx, core.Message{Data: data})
		}
		if err != nil {
			t.Fatal(err)
		}
		m, err := server.Receive(ctx)
		if err != nil || !bytes.Equal(m.Data, data) {
			t.Fatalf("%q, %v", m.Data, err)
		}
	})
}

// Many goroutines send at once: every message arrives whole.
func TestConcurrentSend(t *testing.T) {
	each(t, func(t *testing.T, d core.Dialect) {
		client, server := pair(t, &core.DialOptions{Dialect: d}, nil)
		ctx := testContext(t)
		const senders, each = 8, 60
		var wg sync.WaitGroup
		for s := range senders {
			wg.Go(func() {
				batch := client.Batch()
				for i := range each {
					m := core.Message{Data: fmt.Appendf(nil, "%d/%d/%s", s, i, strings.Repeat("z", i*i))}
					var err error
					if s%2 == 0 {
						err = client.Send(ctx, m)
					} else if err = batch.Queue(ctx, m); i%10 == 9 {
						err = batch.Flush(ctx)
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		next := make([]int, senders)
		for range senders * each {
			m, err := server.Receive(ctx)
			if err != nil {
				t.Fatal(err)
			}
			var s, i int
			var rest string
			fmt.Sscanf(string(m.Data), "%d/%d/%s", &s, &i, &rest)
			if i != next[s] || len(rest) != i*i {
				t.Fatalf("sender %d: message %d with %d bytes, want message %d", s, i, len(rest), next[s])
			}
			next[s]++
		}
		wg.Wait()
		go server.Receive(ctx)
		client.Close(ctx)
	})
}

// A Receive whose context ends loses nothing, not even half a message.
func TestReceiveTimeout(t *testing.T) {
	client, server := streams(t)
	go rawHandshake(client)
	conn, err := core.Accept(testContext(t), server, nil)
	if err != nil {
		t.Fatal(err)
	}
	client.Write([]byte("\x00hel"))
	short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := conn.Receive(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	if _, err := conn.Receive(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	client.Write([]byte("lo\xff"))
	m, err := conn.Receive(testContext(t))
	if err != nil || string(m.Data) != "hello" {
		t.Fatalf("%q, %v", m.Data, err)
	}
}

// A Send to a peer that does not read ends with its context.
func TestSendTimeout(t *testing.T) {
	client, server := pair(t, nil, nil)
	_ = server
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	big := core.Message{Data: bytes.Repeat([]byte("x"), 1<<20)}
	var err error
	for err == nil {
		err = client.Send(ctx, big)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	// The frame is cut: nothing may follow it.
	if err := client.Send(context.Background(), core.Message{Data: []byte("x")}); err == nil {
		t.Fatal("sent behind a cut frame")
	}
}

// A sender that is stuck does not keep another from giving up.
func TestSendLockTimeout(t *testing.T) {
	client, _ := pair(t, nil, nil)
	stuck := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for {
			if err := client.Send(ctx, core.Message{Data: make([]byte, 1<<20)}); err != nil {
				stuck <- err
				return
			}
		}
	}()
	err := error(nil)
	for err == nil { // until the other is stuck
		time.Sleep(50 * time.Millisecond)
		short, cancelShort := context.WithTimeout(context.Background(), 20*time.Millisecond)
		err = client.Send(short, core.Message{})
		cancelShort()
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	cancel()
	if err := <-stuck; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func TestMessageTooLarge(t *testing.T) {
	each(t, func(t *testing.T, d core.Dialect) {
		client, server := pair(t, &core.DialOptions{Dialect: d}, &core.AcceptOptions{MaxMessage: 1000})
		ctx := testContext(t)
		client.Send(ctx, core.Message{Data: bytes.Repeat([]byte("x"), 1000)})
		client.Send(ctx, core.Message{Data: bytes.Repeat([]byte("x"), 1001)})
		if m, err := server.Receive(ctx); err != nil || len(m.Data) != 1000 {
			t.Fatalf("%d bytes, %v", len(m.Data), err)
		}
		_, err := server.Receive(ctx)
		if !errors.Is(err, core.ErrMessageTooLarge) {
			t.Fatalf("got %v", err)
		}
		var ce *core.CloseError
		if !errors.As(err, &ce) || ce.Clean {
			t.Fatalf("got %#v", err)
		}
		_, err = client.Receive(ctx)
		if !errors.As(err, &ce) || d == core.RFC6455 && ce.Code != 1009 {
			t.Fatalf("client: %v", err)
		}
	})
}

// No allocation per message, sent and received.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops things under the race detector")
	}
	each(t, func(t *testing.T, d core.Dialect) {
		client, server := pair(t, &core.DialOptions{Dialect: d}, nil)
		ctx := testContext(t)
		for _, size := range []int{0, 125, 4096, 100_000} {
			m := core.Message{Data: bytes.Repeat([]byte("x"), size)}
			roundTrip := func() {
				if err := client.Send(ctx, m); err != nil {
					t.Fatal(err)
				}
				got, err := server.Receive(ctx)
				if err != nil || len(got.Data) != size {
					t.Fatalf("%d bytes, %v", len(got.Data), err)
				}
			}
			for range 20 { // buffers find their size
				roundTrip()
			}
			if n := testing.AllocsPerRun(200, roundTrip); n > 0 {
				t.Errorf("%d bytes: %v allocations", size, n)
			}
		}
		go server.Receive(ctx)
		client.Close(ctx)
	})
}

// rawHandshake plays the client of the draft's own example and returns the 16 bytes.
func rawHandshake(c net.Conn) (answer []byte) {
	c.Write([]byte(openingRequest))
	return readAnswer(c)
}

func readAnswer(c net.Conn) []byte {
	var head []byte
	b := make([]byte, 1)
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		if _, err := c.Read(b); err != nil {
			return nil
		}
		head = append(head, b[0])
	}
	answer := make([]byte, 16)
	if _, err := io.ReadFull(c, answer); err != nil {
		return nil
	}
	return answer
}
