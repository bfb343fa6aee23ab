package serve_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/rfc6455"
	"github.com/ws76/ws76/core/serve"
)

// Of one that sends what is a thousand times as much once it is inflated the others take
// their turns in between.
func TestInflatedTakesTurns(t *testing.T) {
	for _, e := range []engine{loops, fronted} {
		t.Run(string(e), func(t *testing.T) { testInflatedTakesTurns(t, e) })
	}
}

func testInflatedTakesTurns(t *testing.T, e engine) {
	const many, size = 50, 1 << 20
	packed, err := new(rfc6455.Flate).AppendDeflate(nil, bytes.Repeat([]byte("bomb"), size/4))
	if err != nil {
		t.Fatal(err)
	}
	bomb := rfc6455.AppendHeader(nil, rfc6455.OpText, true, true, len(packed), new([4]byte))
	bomb = append(bomb, packed...)

	begun, sent := make(chan bool), make(chan bool) // twice
	seen := make(chan int, many+2)                  // sizes of messages, in order
	waits := 2
	r := start(t, e, &serve.Server{Loops: 1, Accept: core.AcceptOptions{Compress: true}, Events: told{message: func(p *serve.Peer, m core.Message) {
		if waits > 0 { // before the others are read, and when the first of them has been
			waits--
			begun <- true
			<-sent
		}
		seen <- len(m.Data)
	}}})
	good := r.raw(t, true)
	bad := r.raw(t, false)
	io.WriteString(bad, strings.Replace(openingOf(core.RFC6455), "\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 1))
	if head := readUntil(t, bad, "\r\n\r\n"); !strings.Contains(head, "permessage-deflate") {
		t.Fatalf("no compression: %q", head)
	}
	bad.Write(rfc6455.AppendMessage(nil, true, []byte("a first one"), new([4]byte)))
	<-begun
	if _, err := bad.Write(bytes.Repeat(bomb, many)); err != nil {
		t.Fatal(err)
	}
	sent <- true
	<-begun
	if _, err := io.WriteString(good, "\x00hello\xff"); err != nil {
		t.Fatal(err)
	}
	sent <- true
	before := 0
	<-seen // the first
	for n := <-seen; n != len("hello"); n = <-seen {
		if before++; n != size {
			t.Fatalf("a message of %d bytes", n)
		}
	}
	if before > many/2 {
		t.Errorf("%d of %d large messages were taken before a small one", before, many)
	}
	for range many - before {
		if n := <-seen; n != size {
			t.Fatalf("a message of %d bytes", n)
		}
	}
	bad.(*net.TCPConn).SetLinger(0)
	bad.Close()
	good.Close()
	r.stopAndWait(t)
}

// What the HTTP server would answer by itself is for the handler, and so for the gate.
func TestAnswersOnlyByHandler(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		r := start(t, e, &serve.Server{HTTP: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })})
		stream := r.raw(t, false)
		io.WriteString(stream, "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if answer, _ := io.ReadAll(stream); !strings.HasPrefix(string(answer), "HTTP/1.1 418") {
			t.Errorf("got %q", answer)
		}
		r.stopAndWait(t)
	})
}

// Of those that have sent what is much once it is inflated one is done before the next goes on, so that
// no more is half done than must be.
func TestInflatedOneByOne(t *testing.T) {
	const many, size, budget = 8, 3 << 19, 6 << 20
	packed, err := new(rfc6455.Flate).AppendDeflate(nil, make([]byte, size))
	if err != nil {
		t.Fatal(err)
	}
	bomb := rfc6455.AppendHeader(nil, rfc6455.OpBinary, true, true, len(packed), new([4]byte))
	bomb = append(bomb, packed...)
	entered, release, got := make(chan bool), make(chan bool), make(chan int, many)
	r := start(t, loops, &serve.Server{Loops: 1, Accept: core.AcceptOptions{Compress: true, Pending: core.NewBudget(budget)},
		Events: told{message: func(p *serve.Peer, m core.Message) {
			if string(m.Data) == "wait" {
				entered <- true
				<-release
				return
			}
			got <- len(m.Data)
		}}})
	var bad []net.Conn
	for range many {
		stream := r.raw(t, false)
		io.WriteString(stream, strings.Replace(openingOf(core.RFC6455), "\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 1))
		readUntil(t, stream, "\r\n\r\n")
		bad = append(bad, stream)
	}
	blocker := r.raw(t, true)
	io.WriteString(blocker, "\x00wait\xff")
	<-entered
	for _, stream := range bad {
		stream.Write(bomb)
	}
	release <- true
	for range many {
		if n := <-got; n != size {
			t.Errorf("%d bytes", n)
		}
	}
	if _, givenUp := r.Accept.Pending.Held(); givenUp > 0 {
		t.Errorf("%d were given up", givenUp)
	}
	r.end(t)
}
