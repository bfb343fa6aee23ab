package relay

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ws76/ws76/core"
)

// slowStream is a connection whose bytes take their time, each way.
type slowStream struct {
	net.Conn
	left     atomic.Int64 // when all has left, in nanoseconds of the clock
	duration time.Duration
}

func (s *slowStream) Write(p []byte) (int, error) {
	s.left.Store(time.Now().Add(s.duration).UnixNano())
	return s.Conn.Write(p)
}

func (s *slowStream) Unsent() int { return int(max(s.left.Load()-time.Now().UnixNano(), 0)) }

// oneMessage gives a message and ends.
type oneMessage struct {
	question string
	sent     bool
	got      chan string
}

func (o *oneMessage) Receive(context.Context) (core.Message, error) {
	if o.sent {
		return core.Message{}, io.EOF
	}
	o.sent = true
	return core.Message{Data: []byte(o.question)}, nil
}

func (o *oneMessage) Send(_ context.Context, m core.Message) error {
	o.got <- string(m.Data)
	return nil
}

func (o *oneMessage) Close(context.Context) error { return nil }

// The silence of a linger begins when all that was sent has left, and a message that
// is arriving is none.
func TestLingerSlowLine(t *testing.T) {
	for _, test := range []struct {
		name          string
		leaving       time.Duration // until the peer has the question
		thinks        time.Duration // before it answers
		piece         time.Duration // between two bytes of its answer
		want          bool
		least, atMost time.Duration
	}{
		{name: "slow out", leaving: 10 * time.Second, thinks: 500 * time.Millisecond, want: true, least: 11 * time.Second, atMost: 13 * time.Second},
		{name: "slow in", piece: 700 * time.Millisecond, want: true, least: 5 * time.Second, atMost: 8 * time.Second},
		{name: "silent", thinks: 5 * time.Second, least: time.Second, atMost: 1100 * time.Millisecond},
		{name: "quick", want: true, least: time.Second, atMost: 1100 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				stream := &slowStream{Conn: near, duration: test.leaving}
				var server sync.WaitGroup
				server.Go(func() { serveSlowly(far, test.leaving+test.thinks, test.piece) })
				defer server.Wait()
				conn, err := core.Client(t.Context(), stream, "ws://host/", &core.DialOptions{Dialect: core.Hixie75, CloseTimeout: time.Millisecond})
				if err != nil {
					t.Fatal(err)
				}
				begun := time.Now()
				side := &oneMessage{question: "question", got: make(chan string, 1)}
				Join(t.Context(), side, conn, &Options{LingerA: time.Second, CloseTimeout: time.Millisecond})
				took := time.Since(begun)
				if got := len(side.got) == 1; got != test.want || took < test.least || took > test.atMost {
					t.Errorf("answered: %v after %v, want %v between %v and %v", got, took, test.want, test.least, test.atMost)
				}
			})
		})
	}
}

// serveSlowly is a server of draft 75 that answers one message.
func serveSlowly(stream net.Conn, wait, piece time.Duration) {
	defer stream.Close()
	b := make([]byte, 4096)
	stream.Read(b)
	io.WriteString(stream, "HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"+
		"WebSocket-Origin: http://host\r\nWebSocket-Location: ws://host/\r\n\r\n")
	stream.Read(b)
	time.Sleep(wait)
	for _, c := range []byte("\x00answer\xff") {
		if _, err := stream.Write([]byte{c}); err != nil {
			return
		}
		time.Sleep(piece)
	}
	io.Copy(io.Discard, stream)
}
