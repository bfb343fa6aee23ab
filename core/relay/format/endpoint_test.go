package format

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	_ relay.Endpoint = (*Endpoint)(nil)
	_ relay.Batcher  = (*Endpoint)(nil)
	_ relay.Readier  = (*Endpoint)(nil)
)

// sources open streams whose reads wait and can be ended: what to read, and what
// to feed it with.
func sources(t *testing.T) map[string]func() (io.Reader, io.Writer) {
	pipe := func() (r, w *os.File) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close(); w.Close() })
		return r, w
	}
	s := map[string]func() (io.Reader, io.Writer){
		"net.Conn": func() (io.Reader, io.Writer) {
			a, b := net.Pipe()
			t.Cleanup(func() { a.Close(); b.Close() })
			return a, b
		},
	}
	if runtime.GOOS != "windows" {
		s["pipe"] = func() (io.Reader, io.Writer) { return pipe() }
		s["blocking pipe"] = func() (io.Reader, io.Writer) {
			r, w := pipe()
			r.Fd() // has that effect, as of a standard input that was asked whether it is a terminal
			return r, w
		}
	}
	return s
}

func TestEndpointReceive(t *testing.T) {
	for name, open := range sources(t) {
		t.Run(name, func(t *testing.T) {
			r, w := open()
			e := NewEndpoint(r, io.Discard, EndpointOptions{})

			// A Receive ends with its context, though nothing comes.
			boom := errors.New("boom")
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Millisecond, func() { cancel(boom) })
			if _, err := e.Receive(ctx); err != boom {
				t.Fatalf("got %v", err)
			}
			if _, err := e.Receive(ctx); err != boom {
				t.Fatalf("with a context that has ended: %v", err)
			}
			if e.Ready() {
				t.Error("ready though nothing came")
			}
			// And what comes then is not lost.
			written := make(chan error, 1)
			go func() { // nobody reads yet where the context has ended before that was asked for
				_, err := io.WriteString(w, "1\n2\n3\n")
				written <- err
			}()
			for i, ready := range []bool{true, true, false} {
				m, err := e.Receive(t.Context())
				if err != nil || string(m.Data) != fmt.Sprint(i+1) {
					t.Fatalf("got %q, %v", m.Data, err)
				}
				if e.Ready() != ready {
					t.Errorf("after %q Ready is %v", m.Data, !ready)
				}
			}
			if err := <-written; err != nil {
				t.Error(err)
			}
			// Close ends a Receive that waits.
			got := make(chan error)
			go func() { _, err := e.Receive(context.Background()); got <- err }()
			time.Sleep(time.Millisecond)
			if err := e.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if err := <-got; err != fs.ErrClosed {
				t.Errorf("Receive while closed: %v", err)
			}
			if _, err := e.Receive(t.Context()); err != fs.ErrClosed {
				t.Errorf("Receive after Close: %v", err)
			}
			if err := e.Send(t.Context(), core.Message{}); err != fs.ErrClosed {
				t.Errorf("Send after Close: %v", err)
			}
			if err := e.Close(t.Context()); err != nil {
				t.Errorf("second Close: %v", err)
			}
		})
	}
}

// What Close leaves of a stream can be read by the next.
func TestEndpointLeavesTheStreamUsable(t *testing.T) {
	for name, open := range sources(t) {
		t.Run(name, func(t *testing.T) {
			r, w := open()
			for i := range 3 {
				e := NewEndpoint(r, io.Discard, EndpointOptions{})
				written := make(chan struct{})
				go func() { defer close(written); fmt.Fprintf(w, "%d\n", i) }()
				m, err := e.Receive(t.Context())
				if err != nil || string(m.Data) != fmt.Sprint(i) {
					t.Fatalf("got %q, %v", m.Data, err)
				}
				<-written
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				if _, err := e.Receive(ctx); err != context.DeadlineExceeded {
					t.Errorf("got %v", err)
				}
				cancel()
				if err := e.Close(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestEndpointEOFAndErrors(t *testing.T) {
	e := NewEndpoint(strings.NewReader("a\n\xff\nb"), io.Discard, EndpointOptions{})
	for _, want := range []string{"a", "error", "b"} {
		m, err := e.Receive(t.Context())
		if want == "error" {
			var bad *InvalidUTF8Error
			if !errors.As(err, &bad) || bad.Record != 2 {
				t.Errorf("got %v", err)
			}
		} else if err != nil || string(m.Data) != want {
			t.Errorf("got %q, %v", m.Data, err)
		}
	}
	for range 2 {
		if _, err := e.Receive(t.Context()); err != io.EOF {
			t.Errorf("got %v", err)
		}
	}
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// deaf is a reader that cannot be ended from outside.
type deaf chan byte

func (d deaf) Read(p []byte) (int, error) {
	b, ok := <-d
	if !ok {
		return 0, io.EOF
	}
	p[0] = b
	return 1, nil
}

func TestEndpointOfAnyReader(t *testing.T) {
	// Close does not wait for a read that cannot be ended…
	d := make(deaf)
	e := NewEndpoint(d, io.Discard, EndpointOptions{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := e.Receive(ctx); err != context.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
	close(d)
	<-e.exited

	// …unless the caller knows how, and then it says when that failed.
	d = make(deaf)
	closed := 0
	e = NewEndpoint(d, io.Discard, EndpointOptions{Close: func() error { closed++; close(d); return os.ErrPermission }})
	ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := e.Receive(ctx); err != context.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
	if err := e.Close(t.Context()); !errors.Is(err, os.ErrPermission) {
		t.Errorf("Close: %v", err)
	}
	e.Close(t.Context())
	select {
	case <-e.exited:
	default:
		t.Error("Close did not wait for the goroutine")
	}
	if closed != 1 {
		t.Errorf("closed %d times", closed)
	}
}

// A regular file is read without a goroutine and is always ready.
func TestEndpointOfRegularFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "messages")
	if err := os.WriteFile(name, []byte("a\nb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for f, want := range map[*os.File][]string{f: {"a", "b"}, null: nil} {
		e := NewEndpoint(f, io.Discard, EndpointOptions{})
		var got []string
		for {
			if !e.Ready() {
				t.Error("not ready")
			}
			m, err := e.Receive(t.Context())
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(m.Data))
		}
		if !reflect.DeepEqual(got, want) || e.started {
			t.Errorf("got %q, goroutine %v", got, e.started)
		}
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestEndpointSend(t *testing.T) {
	out := &writes{}
	e := NewEndpoint(strings.NewReader(""), out, EndpointOptions{Out: Options{Format: JSON}, Meta: Meta{Dir: "in"}, Now: func() time.Time { return noon }})
	m := core.Message{Data: []byte("x")}
	line := len(`{"data":"x","kind":"text","dir":"in","time":"2026-02-03T12:00:00.0015Z"}` + "\n")
	for _, f := range []func() error{
		func() error { return e.Queue(t.Context(), m) },
		func() error { return e.Queue(t.Context(), m) },
		func() error { return e.Flush(t.Context()) },
		func() error { return e.Send(t.Context(), m) },
		func() error { return e.Queue(t.Context(), m) },
		func() error { return e.Close(t.Context()) },
	} {
		if err := f(); err != nil {
			t.Fatal(err)
		}
	}
	if want := []int{2 * line, line, line}; !reflect.DeepEqual(out.sizes, want) {
		t.Errorf("writes of %v bytes, want %v", out.sizes, want)
	}
}

func TestEndpointSendEndsWithItsContext(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	e := NewEndpoint(a, a, EndpointOptions{Close: a.Close})
	boom := errors.New("boom")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(time.Millisecond, func() { cancel(boom) })
	m := core.Message{Data: []byte("hello")}
	if err := e.Send(ctx, m); err != boom {
		t.Errorf("Send that nobody reads: %v", err)
	}
	if err := e.Send(t.Context(), m); err != boom {
		t.Errorf("Send after one that was cut: %v", err)
	}
	if err := e.Close(t.Context()); !errors.Is(err, boom) {
		t.Errorf("Close: %v", err)
	}

	// A Send behind one that waits gives up its turn.
	a, b = net.Pipe()
	e = NewEndpoint(a, a, EndpointOptions{Close: a.Close})
	first := make(chan error)
	go func() { first <- e.Send(context.Background(), m) }()
	for len(e.writing) == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx2, cancel2 := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel2()
	if err := e.Send(ctx2, m); err != context.DeadlineExceeded {
		t.Errorf("Send: %v", err)
	}
	got := make([]byte, 6)
	if _, err := io.ReadFull(b, got); err != nil || string(got) != "hello\n" {
		t.Errorf("peer got %q, %v", got, err)
	}
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
	b.Close()
}

// Close gives up on a write that does not end, and still ends the rest.
func TestEndpointCloseWhileStuck(t *testing.T) {
	r, w := io.Pipe() // no deadlines
	e := NewEndpoint(strings.NewReader(""), w, EndpointOptions{Close: w.Close})
	sent := make(chan error)
	go func() { sent <- e.Send(context.Background(), core.Message{Data: []byte("x")}) }()
	for len(e.writing) == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := e.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close: %v", err)
	}
	if err := <-sent; err != io.ErrClosedPipe {
		t.Errorf("Send: %v", err)
	}
	r.Close()
}

// Two endpoints in a session: the terminal's part of connect.
func TestEndpointInSession(t *testing.T) {
	near, far := net.Pipe()
	var out bytes.Buffer
	terminal := NewEndpoint(strings.NewReader("one\ntwo\nthree"), &out, EndpointOptions{Out: Options{Format: Base64}})
	conn := NewEndpoint(near, near, EndpointOptions{In: Options{Format: Len32}, Out: Options{Format: Len32}, Close: near.Close})
	done := make(chan error)
	go func() { done <- relay.Join(t.Context(), terminal, conn, &relay.Options{LingerA: relay.Forever}) }()

	// An echo that closes after three.
	peer := NewEndpoint(far, far, EndpointOptions{In: Options{Format: Len32}, Out: Options{Format: Len32}, Close: far.Close})
	for range 3 {
		m, err := peer.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := peer.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if err := peer.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got, want := out.String(), "b25l\ndHdv\ndGhyZWU=\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
