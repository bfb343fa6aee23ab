package bridge

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/format"
)

var _ relay.Batcher = (*Stream)(nil)

// TestStreamFate ends streams in several ways and asks what became of three messages.
func TestStreamFate(t *testing.T) {
	type fate struct{ proven, notKnown uint64 }
	for _, c := range []struct {
		name string
		peer func(conn net.Conn, sent <-chan struct{})
		want fate
	}{
		{"the peer reads all and ends", func(conn net.Conn, _ <-chan struct{}) { io.Copy(io.Discard, conn) }, fate{3, 0}},
		{"the peer ends with something unread", func(_ net.Conn, sent <-chan struct{}) { <-sent }, fate{0, 3}},
		{"the peer resets behind all that it has read", func(conn net.Conn, sent <-chan struct{}) {
			<-sent
			io.ReadFull(conn, make([]byte, 6))
			conn.(*net.TCPConn).SetLinger(0)
		}, fate{0, 3}},
		{"the peer does not read", func(conn net.Conn, _ <-chan struct{}) { time.Sleep(300 * time.Millisecond) }, fate{0, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ours, theirs := tcpPair(t)
			s := NewStream(ours, format.Options{}, format.Options{}, Bounds{})
			sent, over := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(over)
				defer theirs.Close()
				c.peer(theirs, sent)
			}()
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			for i := range 3 {
				if err := s.Queue(ctx, core.Message{Data: fmt.Append(nil, i)}); err != nil {
					t.Fatal(err)
				}
			}
			if f := s.Fate(); f.Given != 3 || f.Sent != 0 || f.Final {
				t.Errorf("before the flush: %+v", f)
			}
			if err := s.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			close(sent)
			s.Close(ctx)
			<-over
			f := s.Fate()
			if got := (fate{f.Proven, f.NotKnown()}); got != c.want || !f.Final || f.NotSent() != 0 {
				t.Errorf("got %+v, want %+v", f, c.want)
			}
		})
	}
}

// TestStreamWithoutSocket: what is no socket is taken at its word, up to a write that fails.
func TestStreamWithoutSocket(t *testing.T) {
	ours, theirs := net.Pipe()
	s := NewStream(ours, format.Options{}, format.Options{}, Bounds{})
	read := make(chan struct{})
	go func() {
		defer close(read)
		io.ReadFull(theirs, make([]byte, 2))
		theirs.Close()
	}()
	if err := s.Send(t.Context(), core.Message{Data: []byte("1")}); err != nil {
		t.Fatal(err)
	}
	<-read
	s.Queue(t.Context(), core.Message{Data: []byte("2")})
	if s.Flush(t.Context()) == nil {
		t.Error("written to nobody")
	}
	s.Close(t.Context())
	if f := s.Fate(); f.Given != 2 || f.Proven != 1 || f.NotKnown() != 1 || !f.Final {
		t.Errorf("got %+v", f)
	}
}

// TestStreamArrived: what was read and not received has arrived, and so has what comes while
// the stream is being closed.
func TestStreamArrived(t *testing.T) {
	for _, c := range []struct {
		name   string
		send   bool // we have sent something: the end of the peer is waited for
		behind string
		bounds Bounds
		want   uint64
	}{
		{"nothing was sent", false, "", Bounds{}, 3},
		{"with an answer under way", true, "the rest\n4\n5\n", Bounds{}, 6},
		{"with an answer that ends without a newline", true, "the rest\n4", Bounds{}, 5},
		{"with bounds", true, "the rest\n4", Bounds{MessageTimeout: time.Minute}, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			ours, theirs := tcpPair(t)
			defer theirs.Close()
			s := NewStream(ours, format.Options{}, format.Options{}, c.bounds)
			if c.send {
				if err := s.Send(t.Context(), core.Message{Data: []byte("hello")}); err != nil {
					t.Fatal(err)
				}
			}
			io.WriteString(theirs, "0\n1\n2\npart of ")
			if m, err := s.Receive(t.Context()); err != nil || string(m.Data) != "0" {
				t.Fatalf("%q, %v", m.Data, err)
			}
			answered := make(chan struct{})
			go func() {
				defer close(answered)
				io.Copy(io.Discard, theirs) // until the stream is being closed
				io.WriteString(theirs, c.behind)
				theirs.Close()
			}()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			s.Close(ctx)
			<-answered
			if got := s.Arrived(); got != c.want {
				t.Errorf("%d have arrived, want %d", got, c.want)
			}
		})
	}
}

func tcpPair(t *testing.T) (dialled, accepted net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if dialled, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if accepted, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return dialled, accepted
}
