package serve_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/serve"
)

// soon are bounds short enough for a test to wait for.
const soon = 100 * time.Millisecond

// A request whose body does not come is answered, and its place is free once its time
// is up: whatever the handler does about it, over TLS too.
func TestBodyDoesNotCome(t *testing.T) { together(t, testBodyDoesNotCome) }

func testBodyDoesNotCome(t *testing.T, e engine) {
	server, client := certificate(t)
	r := start(t, e, &serve.Server{
		TLS: server, Accept: core.AcceptOptions{HandshakeTimeout: soon},
		HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/reads" {
				io.Copy(io.Discard, r.Body)
			}
			w.WriteHeader(http.StatusUnauthorized)
		}),
	})
	for _, secure := range []bool{false, true} {
		for _, path := range []string{"/", "/reads"} {
			for _, body := range []string{"Content-Length: 200000\r\n\r\n", "Content-Length: 200000\r\n\r\nsome", "Transfer-Encoding: chunked\r\n\r\n5\r\nhe"} {
				stream := r.raw(t, false)
				if secure {
					stream = tls.Client(stream, &tls.Config{RootCAs: client.RootCAs, ServerName: "127.0.0.1"})
				}
				fmt.Fprintf(stream, "POST %s HTTP/1.1\r\nHost: x\r\n%s", path, body)
				// A connection that ends without an answer is as good: time was up.
				if _, err := io.Copy(io.Discard, stream); isTimeout(err) {
					t.Errorf("%s, TLS %v: %v", path, secure, err)
				}
			}
		}
	}
	eventually(t, "all places are free", func() bool { return r.Stats().Conns == 0 })
	r.stopAndWait(t)
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// A client that does not read an answer is given up, and with it who writes the answer.
func TestAnswerIsNotRead(t *testing.T) { onEngines(t, testAnswerIsNotRead) }

func testAnswerIsNotRead(t *testing.T, e engine) {
	over := make(chan error, 2)
	r := start(t, e, &serve.Server{
		Accept: core.AcceptOptions{WriteTimeout: soon},
		HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var err error
			for err == nil {
				_, err = w.Write(make([]byte, 1<<20))
			}
			over <- err
		}),
	})
	io.WriteString(r.raw(t, false), "GET /all HTTP/1.1\r\nHost: x\r\n\r\n")
	select {
	case err := <-over:
		if !isTimeout(err) {
			t.Errorf("writing ended with %v", err)
		}
	case <-time.After(bound):
		t.Error("it is written to still")
	}
	eventually(t, "its place is free", func() bool { return r.Stats().Conns == 0 })
	r.stopAndWait(t)
}

// openingOf is a request for a WebSocket, with what the client says first.
func openingOf(d core.Dialect) string {
	switch d {
	case core.Hixie76:
		return request
	case core.Hixie75:
		return "GET /demo HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: example.com\r\nOrigin: http://example.com\r\n\r\n"
	}
	return "GET /demo HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
}

// helloOf is a message, and what an echo makes of it.
func helloOf(d core.Dialect) (sent, echoed string) {
	if d == core.RFC6455 {
		return "\x81\x85\x00\x00\x00\x00hello", "\x81\x05hello"
	}
	return "\x00hello\xff", "\x00hello\xff"
}

// A connection that was kept alive becomes a WebSocket of any dialect, behind requests
// with a body and without, whether or not the client waits for the answers.
func TestUpgradeOfKeptAlive(t *testing.T) { onEngines(t, testUpgradeOfKeptAlive) }

func testUpgradeOfKeptAlive(t *testing.T, e engine) {
	r := start(t, e, &serve.Server{HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s of %d", r.URL.Path, len(body))
	})})
	before := []string{
		"GET /one HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /two HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n" + strings.Repeat("GET / HTTP/1.1\r\n", 10000/16),
		"GET /three HTTP/1.1\r\nHost: x\r\n\r\n",
	}
	for _, d := range core.Dialects {
		for _, waits := range []bool{true, false} {
			stream := r.raw(t, false)
			answers := bufio.NewReader(stream)
			read := func() {
				for i, want := range []string{"/one of 0", "/two of 10000", "/three of 0"} {
					if waits {
						io.WriteString(stream, before[i])
					}
					resp, err := http.ReadResponse(answers, nil)
					if err != nil {
						t.Fatal(err)
					}
					if got, _ := io.ReadAll(resp.Body); string(got) != want {
						t.Errorf("%s: got %q, want %q", d, got, want)
					}
				}
			}
			hello, echo := helloOf(d)
			if waits {
				read()
				io.WriteString(stream, openingOf(d)+hello)
			} else {
				io.WriteString(stream, strings.Join(before, "")+openingOf(d)+hello)
				read()
			}
			if head := readUntil(t, answers, "\r\n\r\n"); !strings.HasPrefix(head, "HTTP/1.1 101 ") {
				t.Fatalf("%s: %q", d, head)
			}
			readUntil(t, answers, echo)
			stream.Close()
		}
	}
	eventually(t, "all places are free", func() bool { return r.Stats().Conns == 0 })
	r.stopAndWait(t)
}

// The limits of a head hold for each of a connection.
func TestHeadsOfKeptAlive(t *testing.T) { together(t, testHeadsOfKeptAlive) }

func testHeadsOfKeptAlive(t *testing.T, e engine) {
	r := start(t, e, &serve.Server{
		HTTP:   http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "well") }),
		Accept: core.AcceptOptions{HandshakeTimeout: time.Second},
	})
	for want, head := range map[string]string{
		"431":  "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 900_000) + "\r\n\r\n",
		"431 ": "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: x\r\n", 101) + "\r\n",
		"400":  "GET / NONSENSE\r\n\r\n",
		"":     "GET / HTTP/1.1\r\nHost: x\r\nX: ", // and no more
	} {
		stream := r.raw(t, false)
		answers := bufio.NewReader(stream)
		for range 2 {
			io.WriteString(stream, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			if resp, err := http.ReadResponse(answers, nil); err != nil || resp.StatusCode != 200 {
				t.Fatal(resp, err)
			} else if body, _ := io.ReadAll(resp.Body); string(body) != "well" {
				t.Fatalf("%q", body)
			}
		}
		if want == "" { // its first bytes come while the server answers
			head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n" + head
		}
		go io.WriteString(stream, head) // may not be read to its end
		got, err := io.ReadAll(answers)
		if isTimeout(err) || want != "" && !strings.HasPrefix(string(got), "HTTP/1.1 "+want[:3]) {
			t.Errorf("%.40q of %d bytes: %.40q, %v; want %s", head, len(head), got, err, want)
		}
	}
	eventually(t, "all places are free", func() bool { return r.Stats().Conns == 0 })
	r.stopAndWait(t)
}

// Who sees the end of a request elsewhere than the HTTP server gets no further one.
func TestSmuggling(t *testing.T) { onEngines(t, testSmuggling) }

func testSmuggling(t *testing.T, e engine) {
	asked := make(chan string, 100)
	r := start(t, e, &serve.Server{HTTP: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.URL.Path })})
	const second = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, fields := range []string{
		"Content-Length: 0\r\nContent-Length: 0\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "Content-Length: +5\r\n",
		"Content-Length: 5, 5\r\n", "Content-Length : 5\r\n", "Transfer-Encoding: gzip, chunked\r\n", "Content-Length: 99999999999999999999\r\n",
	} {
		stream := r.raw(t, false)
		io.WriteString(stream, "POST /first HTTP/1.1\r\nHost: x\r\n"+fields+"\r\n0\r\n\r\n"+second)
		stream.(*net.TCPConn).CloseWrite()
		if _, err := io.Copy(io.Discard, stream); isTimeout(err) {
			t.Errorf("%q: %v", fields, err)
		}
	}
	r.stopAndWait(t)
	close(asked)
	for path := range asked {
		if path != "/first" {
			t.Errorf("%s was asked for", path)
		}
	}
}

// A message that does not arrive whole in time ends its connection; the time of one
// is not that of the next.
func TestMessageTimeout(t *testing.T) { together(t, testMessageTimeout) }

func testMessageTimeout(t *testing.T, e engine) {
	ended := make(chan error, 10)
	server := &serve.Server{Accept: core.AcceptOptions{MessageTimeout: soon}, Closed: func(_ *core.Conn, err error) { ended <- err }}
	if e != handlers {
		server.Events = told{closed: func(_ *serve.Peer, err error) { ended <- err }}
	}
	r := start(t, e, server)
	for _, d := range core.Dialects {
		hello, echo := helloOf(d)
		begun := []string{hello[:3]}
		if d == core.RFC6455 {
			begun = append(begun, "\x01\x83\x00\x00\x00\x00abc", "\x01\xfe\xff") // a fragment; half of a header
		}
		for _, part := range begun {
			stream := r.raw(t, false)
			io.WriteString(stream, openingOf(d)+hello+hello[:2])
			readUntil(t, stream, echo)
			io.WriteString(stream, hello[2:])
			readUntil(t, stream, echo)
			select { // it may be idle for longer than that
			case err := <-ended:
				t.Fatalf("%s: %v between two messages", d, err)
			case <-time.After(2 * soon):
			}
			io.WriteString(stream, hello+part)
			readUntil(t, stream, echo)
			rest, err := io.ReadAll(stream)
			if isTimeout(err) || d == core.RFC6455 && !bytes.Contains(rest, []byte("\x03\xf0the message takes too long")) {
				t.Errorf("%s: %q, %v", d, rest, err)
			}
			stream.Close()
			if err := <-ended; !errors.Is(err, core.ErrMessageSlow) {
				t.Errorf("%s, %q: ended with %v", d, part, err)
			}
		}
	}
	r.stopAndWait(t)
}

// A peer that takes nothing of what waits for it is given up in time; one that takes a
// little is not.
func TestWriteTimeout(t *testing.T) { onEngines(t, testWriteTimeout) }

func testWriteTimeout(t *testing.T, e engine) {
	for _, d := range core.Dialects {
		// A machine that lets a client wait for as long as the bound has it given up, too.
		for timeout := soon; ; timeout *= 4 {
			early := writeTimeout(t, e, d, timeout)
			if early == nil {
				break
			}
			if timeout > bound/8 {
				t.Errorf("%s: %v while it reads a little, with a bound of %v", d, early, timeout)
				break
			}
		}
	}
}

// writeTimeout returns an error where a client was given up that reads a little.
func writeTimeout(t *testing.T, e engine, d core.Dialect, timeout time.Duration) (early error) {
	ended := make(chan error, 10)
	server := &serve.Server{Accept: core.AcceptOptions{WriteTimeout: timeout}, Closed: func(_ *core.Conn, err error) { ended <- err }}
	if e != handlers {
		server.Events = told{closed: func(_ *serve.Peer, err error) { ended <- err }}
	}
	r := start(t, e, server)
	defer r.stopAndWait(t)
	stream := r.raw(t, false)
	defer stream.Close()
	io.WriteString(stream, openingOf(d))
	readUntil(t, stream, "\r\n\r\n")
	block := []byte(strings.Repeat(largeOf(d), 16))
	sent := make(chan struct{})
	defer func() { stream.Close(); <-sent }()
	go func() {
		defer close(sent)
		for {
			if _, err := stream.Write(block); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 1<<20)
	for range 16 {
		if _, err := stream.Read(buf); err != nil {
			return err
		}
		select {
		case err := <-ended:
			return err
		case <-time.After(timeout / 8): // it takes its time
		}
	}
	select {
	case err := <-ended:
		if !errors.Is(err, core.ErrNotRead) {
			t.Errorf("%s: ended with %v", d, err)
		}
	case <-time.After(3 * bound): // loops that were held up grant more time
		t.Errorf("%s: it is served still", d)
	}
	return nil
}

// largeOf is a message that soon fills what there is between two sides.
func largeOf(d core.Dialect) string {
	text := strings.Repeat("x", 4<<10)
	if d == core.RFC6455 {
		return "\x81\xfe\x10\x00\x00\x00\x00\x00" + text
	}
	return "\x00" + text + "\xff"
}

// A client that asks on and on and does not read is not read from for long, nor does the
// system keep much for it.
func TestAsksAndDoesNotRead(t *testing.T) { onEngines(t, testAsksAndDoesNotRead) }

func testAsksAndDoesNotRead(t *testing.T, e engine) {
	ping := append([]byte{0x89, 0x80 | 125}, make([]byte, 4+125)...)
	for what, ask := range map[string]string{
		"pings":    openingOf(core.RFC6455) + strings.Repeat(string(ping), 1<<16),
		"requests": strings.Repeat("GET /page HTTP/1.1\r\nHost: x\r\n\r\n", 1<<16),
	} {
		var pages atomic.Int64
		r := start(t, e, &serve.Server{
			Events: serve.Echo{},
			HTTP: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				pages.Add(1)
				w.Write(make([]byte, 8<<10))
			}),
		})
		stream := r.raw(t, false)
		stream.(*net.TCPConn).SetReadBuffer(4 << 10)
		wrote := make(chan bool)
		go func() {
			defer close(wrote)
			io.WriteString(stream, ask)
		}()
		taken := func() int64 { return int64(r.Stats().BytesIn) + pages.Load()*(8<<10) }
		for before, same := int64(0), 0; same < 5; time.Sleep(soon) {
			now := taken()
			if same++; now != before || now == 0 {
				same = 0
			}
			before = now
		}
		if n := taken(); n > 1<<20 {
			t.Errorf("%s: %d bytes were read or answered", what, n)
		}
		stream.Close()
		<-wrote
		r.stopAndWait(t)
	}
}
