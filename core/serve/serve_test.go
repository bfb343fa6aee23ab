package serve_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/serve"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bound is how long a test waits for what must happen.
const bound = 20 * time.Second

// request is the example of draft 76, section 1.2, and answer the end of what it gets.
const (
	request = "GET /demo HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\nUpgrade: WebSocket\r\n" +
		"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nOrigin: http://example.com\r\n\r\n^n:ds[4U"
	answer = "\r\n\r\n8jKS'y:G*Co,Wxa-"
)

// running is a Server that serves a loopback port until the test is over.
type running struct {
	*serve.Server
	addr string
	stop context.CancelFunc
	done chan error // what Serve returned
	raws []net.Conn
}

func start(t *testing.T, e engine, s *serve.Server) *running {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, e, s, l)
}

func startOn(t *testing.T, e engine, s *serve.Server, l net.Listener) *running {
	t.Helper()
	e.set(s)
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Server: s, addr: l.Addr().String(), stop: cancel, done: make(chan error, 1)}
	go func() { r.done <- s.Serve(ctx, l) }()
	t.Cleanup(cancel)
	return r
}

// wait returns what Serve returned.
func (r *running) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(bound):
		t.Fatal("the server does not stop")
		return nil
	}
}

func (r *running) stopAndWait(t *testing.T) {
	t.Helper()
	r.stop()
	if err := r.wait(t); err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// end is stopAndWait once the raw connections are gone, which would not answer.
func (r *running) end(t *testing.T) {
	t.Helper()
	for _, stream := range r.raws {
		stream.Close()
	}
	r.stopAndWait(t)
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	t.Cleanup(cancel)
	return ctx
}

func (r *running) dial(t *testing.T, d core.Dialect) *core.Conn {
	t.Helper()
	conn, err := core.Dial(testContext(t), "ws://"+r.addr+"/", &core.DialOptions{Dialect: d})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// raw connects, and opens a connection of draft 76 if open.
func (r *running) raw(t *testing.T, open bool) net.Conn {
	t.Helper()
	stream, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	r.raws = append(r.raws, stream)
	t.Cleanup(func() { stream.Close() })
	stream.SetDeadline(time.Now().Add(bound))
	if open {
		io.WriteString(stream, request)
		readUntil(t, stream, answer)
	}
	return stream
}

func readUntil(t *testing.T, r io.Reader, end string) string {
	t.Helper()
	var got []byte
	b := make([]byte, 1)
	for !strings.HasSuffix(string(got), end) {
		if _, err := io.ReadFull(r, b); err != nil {
			t.Fatalf("%v after %q, want %q", err, got, end)
		}
		got = append(got, b[0])
	}
	return string(got)
}

func echoes(t *testing.T, conn *core.Conn, text string) {
	t.Helper()
	if err := conn.Send(testContext(t), core.Message{Data: []byte(text)}); err != nil {
		t.Fatal(err)
	}
	m, err := conn.Receive(testContext(t))
	if err != nil || string(m.Data) != text {
		t.Fatalf("got %q, %v; want %q", m.Data, err, text)
	}
}

func TestGracefulStop(t *testing.T) { onEngines(t, testGracefulStop) }

func testGracefulStop(t *testing.T, e engine) {
	var closed atomic.Int32
	server := &serve.Server{Closed: func(*core.Conn, error) { closed.Add(1) }}
	if e != handlers {
		server.Events = told{closed: func(*serve.Peer, error) { closed.Add(1) }}
	}
	r := start(t, e, server)
	var clients sync.WaitGroup
	for _, d := range core.Dialects {
		conn := r.dial(t, d)
		echoes(t, conn, "hello")
		clients.Go(func() {
			_, err := conn.Receive(testContext(t))
			var ce *core.CloseError
			if !errors.As(err, &ce) || !ce.Clean || !ce.ByPeer {
				t.Errorf("%s: got %v, want a clean close by the server", d, err)
			}
			if d == core.RFC6455 && ce.Code != 1001 {
				t.Errorf("close code %d, want 1001 (going away)", ce.Code)
			}
			conn.Close(testContext(t))
		})
	}
	r.stopAndWait(t)
	clients.Wait()
	if n := closed.Load(); n != 3 {
		t.Errorf("Closed was called %d times for 3 connections", n)
	}
	if _, err := net.Dial("tcp", r.addr); err == nil {
		t.Error("a stopped server takes connections")
	}
}

// Clients that say nothing, or stop anywhere, do not hold up a stop beyond Grace.
func TestGracefulStopSilent(t *testing.T) { onEngines(t, testGracefulStopSilent) }

func testGracefulStopSilent(t *testing.T, e engine) {
	r := start(t, e, &serve.Server{Grace: 50 * time.Millisecond, Accept: core.AcceptOptions{CloseTimeout: time.Hour, HandshakeTimeout: time.Hour}})
	open := r.raw(t, true)
	r.raw(t, false)
	io.WriteString(r.raw(t, false), request[:40])
	io.WriteString(r.raw(t, false), request[:len(request)-3])
	cut := r.raw(t, true)
	io.WriteString(cut, "\x00half a frame")
	idle := r.raw(t, false) // HTTP, kept alive
	io.WriteString(idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	readUntil(t, idle, "no upgrade.\n")
	r.stopAndWait(t)
	if got, _ := io.ReadAll(open); string(got) != "\xff\x00" {
		t.Errorf("the open connection got %q, want the closing frame", got)
	}
}

// A handler that does not care has its context ended after Grace.
func TestGracefulStopBusyHandler(t *testing.T) {
	cause := make(chan error, 1)
	r := start(t, loops, &serve.Server{Grace: 50 * time.Millisecond, Handler: func(ctx context.Context, _ *core.Conn) error {
		<-ctx.Done()
		cause <- context.Cause(ctx)
		return ctx.Err()
	}})
	r.raw(t, true)
	r.stopAndWait(t)
	if err := <-cause; !strings.Contains(fmt.Sprint(err), "50ms") {
		t.Errorf("cause %v, want one that says how long was waited", err)
	}
}

// MaxConns counts every connection, plain HTTP among them, for as long as it is open.
func TestMaxConns(t *testing.T) { onEngines(t, testMaxConns) }

func testMaxConns(t *testing.T, e engine) {
	refused := make(chan error, 10)
	r := start(t, e, &serve.Server{MaxConns: 2, Refused: func(_ net.Addr, err error) { refused <- err }})
	conn := r.dial(t, core.Hixie76)
	echoes(t, conn, "one")
	plain := r.raw(t, false)
	io.WriteString(plain, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	readUntil(t, plain, "no upgrade.\n")

	third := r.raw(t, false)
	io.WriteString(third, request)
	if got, err := io.ReadAll(third); err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 503 Service Unavailable\r\n") {
		t.Errorf("one too many got %q, %v", got, err)
	}
	third.Close()
	var he *core.HandshakeError
	if err := <-refused; !errors.As(err, &he) || he.Status != 503 || !strings.Contains(err.Error(), "2 connections") {
		t.Errorf("refused with %v", err)
	}
	echoes(t, conn, "still here")

	// A place that is left is free again.
	plain.Close()
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		next, err := core.Dial(testContext(t), "ws://"+r.addr+"/", nil)
		if err == nil {
			echoes(t, next, "in")
			next.Close(testContext(t))
			break
		}
		if time.Since(start) > bound {
			t.Fatal(err)
		}
	}
	conn.Close(testContext(t))
	r.stopAndWait(t)
}

func TestIdle(t *testing.T) { onEngines(t, testIdle) }

func testIdle(t *testing.T, e engine) {
	r := start(t, e, &serve.Server{Idle: 50 * time.Millisecond})
	for _, d := range core.Dialects {
		conn := r.dial(t, d)
		echoes(t, conn, "hello")
		_, err := conn.Receive(testContext(t))
		var ce *core.CloseError
		if !errors.As(err, &ce) || !ce.Clean || !ce.ByPeer {
			t.Errorf("%s: got %v, want a clean close by the server", d, err)
		}
	}
	r.stopAndWait(t)
}

func TestTLSAndPlain(t *testing.T) { onEngines(t, testTLSAndPlain) }

func testTLSAndPlain(t *testing.T, e engine) {
	serverTLS, clientTLS := certificate(t)
	refused := make(chan error, 10)
	r := start(t, e, &serve.Server{TLS: serverTLS, Accept: core.AcceptOptions{HandshakeTimeout: time.Second},
		Refused: func(_ net.Addr, err error) { refused <- err }})
	for _, d := range core.Dialects {
		for _, scheme := range []string{"ws", "wss"} {
			// Strict: Location must have the right scheme.
			conn, err := core.Dial(testContext(t), scheme+"://"+r.addr+"/", &core.DialOptions{Dialect: d, TLS: clientTLS, Strict: true})
			if err != nil {
				t.Errorf("%s, %s: %v", d, scheme, err)
				continue
			}
			echoes(t, conn, strings.Repeat("long ", 10000))
			if err := conn.Close(testContext(t)); err != nil {
				t.Errorf("%s, %s: %v", d, scheme, err)
			}
		}
	}
	for _, url := range []string{"http://", "https://"} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: clientTLS}, Timeout: bound}
		resp, err := client.Get(url + r.addr)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusUpgradeRequired {
			t.Errorf("%s: status %d", url, resp.StatusCode)
		}
		client.CloseIdleConnections()
	}
	broken := r.raw(t, false)
	io.WriteString(broken, "\x16\x03\x01\x00\x05hello")
	io.ReadAll(broken) // an alert, then the end
	old := clientTLS.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if _, err := core.Dial(testContext(t), "wss://"+r.addr+"/", &core.DialOptions{TLS: old}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	for _, hint := range []string{"", "lower minimum version"} {
		var he *core.HandshakeError
		if err := <-refused; !errors.As(err, &he) || he.Step != core.StepTLS || !strings.Contains(he.Hint, hint) {
			t.Errorf("refused with %v; want the hint %q", err, hint)
		}
	}
	r.stopAndWait(t)
}

func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: roots}
}

// What asks for no WebSocket goes to the HTTP handler, bodies and further requests
// on the same connection included.
func TestHTTP(t *testing.T) { onEngines(t, testHTTP) }

func testHTTP(t *testing.T, e engine) {
	r := start(t, e, &serve.Server{HTTP: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		fmt.Fprintf(w, "%s %s %d %v", req.Method, req.URL, len(body), err)
	})})
	stream := r.raw(t, false)
	answers := bufio.NewReader(stream)
	body := strings.Repeat("x", 100_000)
	go func() { // in pieces: the first read holds less than the head
		io.WriteString(stream, "POST /one HT")
		time.Sleep(5 * time.Millisecond)
		fmt.Fprintf(stream, "TP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		io.WriteString(stream, "GET /two HTTP/1.1\r\nHost: x\r\n\r\nGET /three HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	}()
	for _, want := range []string{"POST /one 100000 <nil>", "GET /two 0 <nil>", "GET /three 0 <nil>"} {
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(resp.Body)
		if string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if _, err := answers.ReadByte(); err != io.EOF {
		t.Errorf("after Connection: close: %v, want EOF", err)
	}
	r.stopAndWait(t)
}

// flaky is a listener whose Accept fails at first.
type flaky struct {
	net.Listener
	failures chan error
}

func (f *flaky) Accept() (net.Conn, error) {
	select {
	case err := <-f.failures:
		return nil, err
	default:
		return f.Listener.Accept()
	}
}

type temporaryError struct{}

func (temporaryError) Error() string   { return "too many open files" }
func (temporaryError) Temporary() bool { return true }

// Errors of Accept that pass are waited out; others end Serve, and say where.
func TestAcceptErrors(t *testing.T) { onEngines(t, testAcceptErrors) }

func testAcceptErrors(t *testing.T, e engine) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &flaky{l, make(chan error, 3)}
	f.failures <- temporaryError{}
	f.failures <- temporaryError{}
	refused := make(chan error, 10)
	r := startOn(t, e, &serve.Server{Refused: func(_ net.Addr, err error) { refused <- err }}, f)
	conn := r.dial(t, core.Hixie76)
	echoes(t, conn, "after two failures")
	if err := <-refused; !errors.Is(err, temporaryError{}) || !strings.Contains(err.Error(), "trying again") {
		t.Errorf("refused with %v", err)
	}
	conn.Close(testContext(t))

	broken := errors.New("the listener broke")
	f.failures <- broken
	r.raw(t, false).Close() // Accept returns from what it waits for
	if err := r.wait(t); !errors.Is(err, broken) || !strings.Contains(err.Error(), r.addr) {
		t.Errorf("Serve: %v", err)
	}
}

// Clients that never read, flood, or stop half way cost the others nothing.
func TestHostileNeighbours(t *testing.T) { onEngines(t, testHostileNeighbours) }

func testHostileNeighbours(t *testing.T, e engine) {
	r := start(t, e, &serve.Server{Grace: 200 * time.Millisecond, Accept: core.AcceptOptions{MaxMessage: 1 << 20}})
	flood := func(stream net.Conn, text string) {
		block := []byte(strings.Repeat(text, 1+65536/len(text)))
		for {
			if _, err := stream.Write(block); err != nil {
				return
			}
		}
	}
	var hostile sync.WaitGroup
	for _, text := range []string{
		largeOf(core.Hixie76), // until both sides' buffers are full
		"\x80\x03abc",         // skipped
		"\x80\x80\x80\x80",    // digits of a length, for ever
		"no frame end",        // until it is too large
	} {
		stream := r.raw(t, true)
		hostile.Go(func() { flood(stream, text) })
	}
	heads := r.raw(t, false)
	hostile.Go(func() { flood(heads, "X: y\r\n") })
	io.WriteString(r.raw(t, false), request[:50])

	for _, d := range core.Dialects {
		conn := r.dial(t, d)
		for i := range 10 {
			echoes(t, conn, fmt.Sprint("message ", i))
		}
		if err := conn.Close(testContext(t)); err != nil {
			t.Errorf("%s: %v", d, err)
		}
	}
	r.stopAndWait(t)
	hostile.Wait()
}
