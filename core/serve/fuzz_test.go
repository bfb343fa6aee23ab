package serve_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/serve"
)

// FuzzServer throws bytes at a live server, cut in two at a place of the fuzzer's
// choice: it answers or closes within a bound, whatever they are, and a
// well-behaved client beside it still gets its echoes.
func FuzzServer(f *testing.F) {
	addSeeds(f)
	addrs := fuzzed(f, nil, time.Second)
	var good []*core.Conn // one good client of each engine for all runs of a process, which take turns
	for _, addr := range addrs {
		conn, err := core.Dial(context.Background(), "ws://"+addr+"/", nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Cleanup(func() { conn.Close(context.Background()) })
		good = append(good, conn)
	}
	var turn sync.Mutex

	f.Fuzz(func(t *testing.T, data []byte, cut uint16) {
		for i, addr := range addrs {
			fuzzServer(t, addr, good[i], &turn, data, cut)
		}
	})
}

func fuzzServer(t *testing.T, addr string, good *core.Conn, turn *sync.Mutex, data []byte, cut uint16) {
	stream, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	stream.SetDeadline(time.Now().Add(bound))
	var sending sync.WaitGroup
	sending.Go(func() {
		at := min(int(cut), len(data))
		stream.Write(data[:at])
		stream.Write(data[at:])
		stream.(*net.TCPConn).CloseWrite()
	})

	turn.Lock()
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	if err := good.Send(ctx, core.Message{Data: []byte("still there?")}); err != nil {
		t.Errorf("the neighbour cannot send: %v", err)
	}
	if m, err := good.Receive(ctx); err != nil || string(m.Data) != "still there?" {
		t.Errorf("the neighbour got %q, %v", m.Data, err)
	}
	cancel()
	turn.Unlock()

	// It has heard all there is, so it ends, with or without an answer.
	_, err = io.Copy(io.Discard, stream)
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		t.Errorf("neither closed nor at its end %v after the last byte", bound)
	}
	sending.Wait()
}

// FuzzKeptAlive gives a server the same bytes whole, cut in two, and one by one: whatever
// they are, requests behind requests, it answers the same, on every engine.
func FuzzKeptAlive(f *testing.F) {
	addSeeds(f)
	addrs := fuzzed(f, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		w.Header()["Date"] = nil
		fmt.Fprintf(w, "%s %q %d %v", r.Method, r.URL.Path, len(body), err != nil)
	}), bound) // or a slow machine is told from a fast one
	f.Fuzz(func(t *testing.T, data []byte, cut uint16) {
		data = data[:min(len(data), 1<<10)]
		at := min(int(cut), len(data))
		var bytes [][]byte
		for i := range data {
			bytes = append(bytes, data[i:i+1])
		}
		first := ""
		for i, addr := range addrs {
			for how, parts := range map[string][][]byte{"whole": {data}, "cut": {data[:at], data[at:]}, "byte by byte": bytes} {
				answer := answerTo(t, addr, parts)
				if first == "" {
					first = answer
				}
				if answer != first {
					t.Errorf("server %d, %s at %d: %q, and before %q", i, how, at, answer, first)
				}
			}
		}
	})
}

// answerTo is what a server says to parts that are written one after the other.
func answerTo(t *testing.T, addr string, parts [][]byte) string {
	stream, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	stream.SetDeadline(time.Now().Add(bound))
	var sending sync.WaitGroup
	sending.Go(func() {
		for _, p := range parts {
			if _, err := stream.Write(p); err != nil {
				return
			}
		}
		stream.(*net.TCPConn).CloseWrite()
	})
	defer sending.Wait()
	var answer strings.Builder
	if _, err := io.Copy(&answer, stream); isTimeout(err) {
		t.Errorf("neither closed nor at its end %v after the last byte", bound)
	}
	return "said " + answer.String()
}

// addSeeds are what clients say, whole.
func addSeeds(f *testing.F) {
	const (
		hixie75 = "GET / HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: x\r\nOrigin: http://x\r\n\r\n"
		rfc6455 = "GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nOrigin: http://x\r\n" +
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
		deflate = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
		masked  = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58" // "Hello" of RFC 6455, section 5.7
	)
	for _, seed := range []string{
		"",
		request,
		request + "\x00hello\xff",
		request + "\x00hello\xff\xff\x00",
		request + "\xff\x00\x00after\xff",
		request + "\x80\x03abc\x00\xff\x7fx\xff",
		request + "\x80\x80\x80\x80\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
		request + "\x00\xc3\x28\xff\x00cut",
		request[:len(request)-4],
		hixie75,
		hixie75 + "\x00hello\xff\xff\x00\x00more\xff",
		rfc6455 + "\r\n" + masked,
		rfc6455 + "\r\n" + masked + "\x88\x82\x00\x00\x00\x00\x03\xe8",
		rfc6455 + "\r\n\x89\x80\x00\x00\x00\x00\x01\x81\x00\x00\x00\x00a\x80\x81\x00\x00\x00\x00b",
		rfc6455 + "\r\n\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00",
		rfc6455 + deflate + "\r\n\xc1\x87\x00\x00\x00\x00\xf2\x48\xcd\xc9\xc9\x07\x00",
		"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		// Kept alive: further heads, one that asks for a WebSocket, bodies that are none.
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + request + "\x00hello\xff\xff\x00",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" + rfc6455 + "\r\n" + masked,
		"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n" + hixie75 + "\x00hello\xff",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\n\r\nG",
		"<policy-file-request/>\x00",
		"\x16\x03\x01\x00\x05hello",
		"00\"", // no method of a request, and no line
	} {
		f.Add([]byte(seed), uint16(len(seed)/2))
	}
}

// fuzzed starts a server of each engine.
func fuzzed(f *testing.F, handler http.Handler, timeout time.Duration) (addrs []string) {
	ctx, stop := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	f.Cleanup(func() { stop(); serving.Wait() })
	for _, e := range []engine{loops, goroutines, handlers} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			f.Fatal(err)
		}
		server := &serve.Server{Grace: time.Millisecond, HTTP: handler, Accept: core.AcceptOptions{
			Compress: true, MaxMessage: 1 << 16, HandshakeTimeout: timeout, CloseTimeout: timeout,
			FlashPolicy: "<cross-domain-policy/>"}}
		e.set(server)
		serving.Go(func() {
			if err := server.Serve(ctx, l); err != nil {
				f.Error(err)
			}
		})
		addrs = append(addrs, l.Addr().String())
	}
	return addrs
}
