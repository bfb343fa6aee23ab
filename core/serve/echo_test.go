package serve_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/serve"
)

// Answers to what one read brought leave in one write, by Reply and by Send.
func TestOneWrite(t *testing.T) {
	for _, reply := range []bool{true, false} {
		r := start(t, loops, &serve.Server{Events: told{message: func(p *serve.Peer, m core.Message) {
			if reply {
				p.Reply(m)
			} else {
				p.Send(m)
			}
		}}})
		stream := r.raw(t, true)
		io.WriteString(stream, strings.Repeat("\x00hello\xff", 100))
		b := make([]byte, 10_000)
		if n, err := stream.Read(b); err != nil || n != 700 {
			t.Errorf("reply %v: the first read gave %d bytes of 700, %v", reply, n, err)
		}
		r.end(t)
	}
}

// ran notes how messages were handed over: "m" for one, "r" and how many for a run.
type ran struct {
	serve.Echo
	handed chan string
}

func (e ran) Message(p *serve.Peer, m core.Message) {
	e.handed <- "m"
	e.Echo.Message(p, m)
}

func (e ran) Run(p *serve.Peer, frames []byte, n int) {
	e.handed <- fmt.Sprint("r", n)
	e.Echo.Run(p, frames, n)
}

// What follows a message that came in two parts is a run again, and leaves with it in
// one write.
func TestRunAfterPart(t *testing.T) {
	e := ran{handed: make(chan string, 10)}
	r := start(t, loops, &serve.Server{Events: e})
	stream := r.raw(t, true)
	b := make([]byte, 100)
	for range 3 {
		io.WriteString(stream, "\x00a\xff\x00hel")
		readUntil(t, stream, "\x00a\xff")
		io.WriteString(stream, "lo\xff\x00b\xff\x00c\xff\x00not \xfe UTF-8\xff\x00d\xff\x00")
		want := "\x00hello\xff\x00b\xff\x00c\xff"
		n, err := io.ReadAtLeast(stream, b, len(want))
		if err != nil || !strings.HasPrefix(string(b[:n]), want) {
			t.Fatalf("got %q, %v", b[:n], err)
		}
		rest := "\x00not \ufffd UTF-8\xff\x00d\xff"
		readUntil(t, stream, rest[n-len(want):])
		io.WriteString(stream, "\xff")
		readUntil(t, stream, "\x00\xff")
		for _, want := range []string{"r1", "m", "r2", "m", "r1", "m"} {
			if got := <-e.handed; got != want {
				t.Errorf("handed over as %s, want %s", got, want)
			}
		}
	}
	r.end(t)
}

// An echo is what was sent, however it is cut and however slowly it is read.
func TestEchoCut(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 6))
	var sent []byte
	var messages uint64
	for len(sent) < 8<<20 {
		size := random.IntN(300)
		if messages%16 == 0 {
			size = random.IntN(40_000)
		}
		text := strings.Repeat("x", size)
		if messages%64 == 0 {
			text += "é"
		}
		sent = hixie.AppendText(sent, []byte(text))
		messages++
	}
	r := start(t, loops, &serve.Server{Events: serve.Echo{}})
	stream := r.raw(t, true)
	stream.(*net.TCPConn).SetReadBuffer(16 << 10)
	wrote := make(chan error, 1)
	go func() {
		for rest := sent; len(rest) > 0; {
			n := min(len(rest), 1+random.IntN(300_000))
			if _, err := stream.Write(rest[:n]); err != nil {
				wrote <- err
				return
			}
			rest = rest[n:]
		}
		wrote <- nil
	}()
	got := make([]byte, len(sent))
	for n, i := 0, 0; n < len(got); i++ {
		if i%50 == 0 {
			time.Sleep(time.Millisecond) // so that the server finds no room
		}
		k, err := stream.Read(got[n:min(len(got), n+30_000)])
		if err != nil {
			t.Fatalf("after %d bytes: %v", n, err)
		}
		n += k
	}
	if err := <-wrote; err != nil || !bytes.Equal(got, sent) {
		t.Errorf("the echo differs from what was sent, %v", err)
	}
	eventually(t, "all messages counted", func() bool {
		of := r.Stats()
		return of.MessagesIn == messages && of.MessagesOut == messages
	})
	r.end(t)
}
