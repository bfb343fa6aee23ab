package core_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
)

// A transcript is a whole exchange as it is on the wire: blocks that begin with
// "> " (what the client sends) and "< " (what the server must answer), in Go's
// escapes, line by line.
func readTranscript(t *testing.T, file string) (sends, want []byte) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for n, line := range strings.Split(string(data), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		var text string
		if _, err := fmt.Sscanf(line[2:], "%q", &text); err != nil {
			t.Fatalf("%s:%d: %v", file, n+1, err)
		}
		if line[0] == '>' {
			sends = append(sends, text...)
		} else {
			want = append(want, text...)
		}
	}
	return sends, want
}

// Every transcript gives the same answer whole, byte by byte and cut anywhere.
func TestTranscripts(t *testing.T) {
	files, _ := filepath.Glob("testdata/transcripts/*.txt")
	if len(files) == 0 {
		t.Fatal("no transcripts")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			sends, want := readTranscript(t, file)
			for _, at := range []int{0, -1, len(sends) / 3, len(sends) - 9, len(sends) - 4} {
				if got := exchange(t, sends, at); !bytes.Equal(got, want) {
					t.Fatalf("cut at %d:\ngot  %q\nwant %q", at, got, want)
				}
			}
		})
	}
}

// exchange sends to an echo server, cut at one place (0: nowhere, -1: everywhere),
// and returns all that it answers.
func exchange(t *testing.T, sends []byte, at int) []byte {
	client, server := streams(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := core.Accept(context.Background(), server, &core.AcceptOptions{CloseTimeout: time.Second})
		if err != nil {
			return
		}
		core.Copy(context.Background(), conn, conn)
		conn.Close(context.Background())
	}()
	go func() {
		switch {
		case at < 0:
			for i := range sends {
				client.Write(sends[i : i+1])
			}
		case at > 0 && at < len(sends):
			client.Write(sends[:at])
			time.Sleep(10 * time.Millisecond) // so that it is read apart
			client.Write(sends[at:])
		default:
			client.Write(sends)
		}
		client.(*net.TCPConn).CloseWrite()
	}()
	client.SetReadDeadline(time.Now().Add(bound))
	got, err := io.ReadAll(client)
	if err != nil {
		t.Fatalf("%v after %q", err, got)
	}
	<-done
	return got
}

// HAProxy hands on key3 only once it has seen the response head.
func TestKey3Withheld(t *testing.T) {
	client, server := streams(t)
	head, key3 := openingRequest[:len(openingRequest)-8], openingRequest[len(openingRequest)-8:]
	opened := make(chan error, 1)
	go func() {
		conn, err := core.Accept(testContext(t), server, nil)
		if err == nil {
			_, err = conn.Receive(testContext(t))
			conn.Close(testContext(t))
		}
		opened <- err
	}()
	client.Write([]byte(head))
	client.SetReadDeadline(time.Now().Add(bound))
	var got []byte
	b := make([]byte, 1)
	for !bytes.HasSuffix(got, []byte("\r\n\r\n")) {
		if _, err := client.Read(b); err != nil {
			t.Fatalf("no head without key3: %v after %q", err, got)
		}
		got = append(got, b[0])
	}
	client.Write([]byte(key3 + "\xff\x00"))
	rest, err := io.ReadAll(client)
	if err != nil || string(rest) != "8jKS'y:G*Co,Wxa-\xff\x00" {
		t.Errorf("%q, %v", rest, err)
	}
	client.Close()
	<-opened
}

// What is no handshake gets an answer that says why, within the bounds.
func TestAcceptRefuses(t *testing.T) {
	const head = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: "
	keys := func(k1, k2 string) string {
		return head + "WebSocket\r\nOrigin: http://x\r\nSec-WebSocket-Key1: " + k1 + "\r\nSec-WebSocket-Key2: " + k2 + "\r\n\r\n12345678"
	}
	for _, test := range []struct {
		name, sends string
		status      int
		target      error // in the tree, where it matters
	}{
		{"binary", "\x00\x01\x02\x03", 400, nil},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00", 400, nil},
		{"bare LF", "GET / HTTP/1.1\nHost: x\n\n", 400, nil},
		{"endless line", "GET /" + strings.Repeat("a", 20000), 431, hixie.ErrHeadTooLarge},
		{"endless fields", "GET / HTTP/1.1\r\n" + strings.Repeat("A: b\r\n", 200), 431, hixie.ErrTooManyFields},
		{"no host", "GET / HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n", 400, nil},
		{"one key", head + "WebSocket\r\nSec-WebSocket-Key1: 1 2\r\n\r\n12345678", 400, nil},
		{"no digits", keys("a b", "1 2"), 400, hixie.ErrNoDigits},
		{"no spaces", keys("1 2", "123"), 400, hixie.ErrNoSpaces},
		{"remainder", keys("1  1", "1 2"), 400, hixie.ErrRemainder},
		{"over 32 bits", keys("99999999999 ", "1 2"), 400, hixie.ErrKeyTooLarge},
		{"POST", "POST / HTTP/1.1\r\nHost: x\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n", 400, nil},
		{"version 99", head + "websocket\r\nSec-WebSocket-Version: 99\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 426, nil},
		{"short key", head + "websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: abc\r\n\r\n", 400, nil},
		{"slow head", "GET / HT", 408, context.DeadlineExceeded},
		{"no key3", keys("1 2", "1 2")[:len(keys("1 2", "1 2"))-3], 0, context.DeadlineExceeded},
		{"silent", "", 0, context.DeadlineExceeded},
	} {
		t.Run(test.name, func(t *testing.T) {
			client, server := streams(t)
			opened := make(chan error, 1)
			go func() {
				_, err := core.Accept(context.Background(), server,
					&core.AcceptOptions{HandshakeTimeout: 100 * time.Millisecond, CloseTimeout: time.Second})
				opened <- err
			}()
			client.Write([]byte(test.sends))
			client.SetReadDeadline(time.Now().Add(bound))
			answer, err := io.ReadAll(client)
			if err != nil {
				t.Errorf("%v after %q", err, answer)
			}
			client.Close()
			err = <-opened
			var he *core.HandshakeError
			if !errors.As(err, &he) || he.Status != test.status {
				t.Fatalf("got %#v: %v", err, err)
			}
			if test.target != nil && !errors.Is(err, test.target) {
				t.Errorf("%v is no %v", err, test.target)
			}
			if want := fmt.Sprintf("HTTP/1.1 %d ", test.status); test.status != 0 && !strings.HasPrefix(string(answer), want) {
				t.Errorf("answer %q", answer)
			}
		})
	}
}

func TestAcceptPlainHTTP(t *testing.T) {
	client, server := streams(t)
	client.Write([]byte("GET /page HTTP/1.1\r\nHost: x\r\n\r\nbody"))
	_, err := core.Accept(testContext(t), server, nil)
	var plain *core.NotWebSocketError
	if !errors.As(err, &plain) || plain.Request.Resource != "/page" || !strings.HasSuffix(string(plain.Read), "\r\n\r\nbody") {
		t.Fatalf("got %#v", err)
	}
	// The stream is open and unanswered, and has no deadline left.
	if _, err := server.Write([]byte("HTTP/1.1 204 No Content\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
}

func TestAcceptOptions(t *testing.T) {
	ask := func(o *core.AcceptOptions, d *core.DialOptions) (*core.Conn, error) {
		client, server := streams(t)
		go func() {
			if conn, err := core.Accept(testContext(t), server, o); err == nil {
				conn.Receive(testContext(t))
				conn.Close(testContext(t))
			}
		}()
		return core.Client(testContext(t), client, "ws://device.local:8080/a?b=c", d)
	}
	location := func(*hixie.Request) string { return "wss://public.example/a?b=c" }
	refuse := func(r *hixie.Request, d core.Dialect) *core.Refusal {
		if origin, _ := r.Fields.Get("Origin"); origin != "http://good" {
			return &core.Refusal{Status: 403, Reason: "Forbidden", Text: "not from " + origin}
		}
		return nil
	}
	for _, test := range []struct {
		name   string
		accept core.AcceptOptions
		dial   core.DialOptions
		step   string // "" for success
		status int
		proto  string
	}{
		{name: "location differs", accept: core.AcceptOptions{Location: location}, step: hixie.StepLocation, status: 101},
		{name: "origin refused", accept: core.AcceptOptions{Check: refuse}, step: hixie.StepStatus, status: 403},
		{name: "origin allowed", accept: core.AcceptOptions{Check: refuse}, dial: core.DialOptions{Origin: "http://good"}},
		{name: "first protocol", dial: core.DialOptions{Protocols: []string{"chat"}}, proto: "chat"},
		{name: "protocol agreed", accept: core.AcceptOptions{Protocols: []string{"b"}}, dial: core.DialOptions{Protocols: []string{"a", "b"}}, proto: "b"},
		{name: "protocol not spoken", accept: core.AcceptOptions{Protocols: []string{}}, dial: core.DialOptions{Protocols: []string{"a"}}, step: hixie.StepProtocol, status: 101},
		{name: "dialect not served", accept: core.AcceptOptions{Dialects: []core.Dialect{core.RFC6455}}, step: hixie.StepStatus, status: 400},
		{name: "lenient keys", accept: core.AcceptOptions{LenientKeys: true}},
		{name: "fixed challenge", dial: core.DialOptions{Key1: "4 @1  46546xW%0l 1 5", Key2: "12998 5 Y3 1  .P00", Key3: []byte("^n:ds[4U")}},
		{name: "own host", dial: core.DialOptions{Header: hixie.Fields{{Name: "host", Value: "other"}, {Name: "X-A", Value: "1"}}}},
		{name: "strict", accept: core.AcceptOptions{Strict: true}, dial: core.DialOptions{Strict: true}},
		{name: "fixed order", dial: core.DialOptions{FixedOrder: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, err := ask(&test.accept, &test.dial)
			if test.step == "" {
				if err != nil {
					t.Fatal(err)
				}
				if conn.Protocol() != test.proto {
					t.Errorf("sub-protocol %q, want %q", conn.Protocol(), test.proto)
				}
				if err := conn.Close(testContext(t)); err != nil {
					t.Error(err)
				}
				return
			}
			var he *core.HandshakeError
			if !errors.As(err, &he) || he.Step != test.step || he.Status != test.status {
				t.Fatalf("got %#v: %v", err, err)
			}
		})
	}
}

// The 101 of the three dialects as other servers send it, and what is wrong with it.
func TestClientRefuses(t *testing.T) {
	const good = "HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Origin: http://h\r\nSec-WebSocket-Location: ws://h/\r\n\r\n8jKS'y:G*Co,Wxa-"
	for _, test := range []struct {
		name, answer, step string
	}{
		{"good", good, ""},
		{"frame at once", good + "\x00early\xff", ""},
		{"not HTTP", "SSH-2.0-OpenSSH_9.2\r\n", "reading the answer"},
		{"404", "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nnope\n", hixie.StepStatus},
		{"426", "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\n\r\n", hixie.StepStatus},
		{"no upgrade", strings.Replace(good, "Upgrade: WebSocket\r\n", "", 1), hixie.StepUpgrade},
		{"wrong origin", strings.Replace(good, "http://h", "http://evil", 1), hixie.StepOrigin},
		{"wrong location", strings.Replace(good, "ws://h/", "ws://other/", 1), hixie.StepLocation},
		{"wrong answer", strings.Replace(good, "8jKS", "8jKs", 1), hixie.StepAnswer},
		{"cut answer", good[:len(good)-5], "checking the answer"},
		{"cut head", good[:40], "reading the answer"},
		{"nothing", "", "reading the answer"},
		{"endless head", "HTTP/1.1 101 " + strings.Repeat("x", 20000), "reading the answer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			client, server := streams(t)
			go func() {
				server.Read(make([]byte, 4096))
				server.Write([]byte(test.answer))
				server.(*net.TCPConn).CloseWrite()
			}()
			conn, err := core.Client(testContext(t), client, "ws://h/", &core.DialOptions{
				Key1: "4 @1  46546xW%0l 1 5", Key2: "12998 5 Y3 1  .P00", Key3: []byte("^n:ds[4U")})
			if test.step != "" {
				var he *core.HandshakeError
				if !errors.As(err, &he) || he.Step != test.step {
					t.Fatalf("got %#v: %v", err, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(testContext(t))
			if strings.HasSuffix(test.answer, "\xff") {
				if m, err := conn.Receive(testContext(t)); err != nil || string(m.Data) != "early" {
					t.Errorf("%q, %v", m.Data, err)
				}
			}
		})
	}
}

func TestClientTimeout(t *testing.T) {
	client, _ := streams(t)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	_, err := core.Client(ctx, client, "ws://h/", nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

func TestParseURL(t *testing.T) {
	for _, test := range []struct {
		raw  string
		want core.Target // Dialect, Secure, Addr, Host, Name, Resource
	}{
		{"ws://Host", core.Target{Addr: "host:80", Host: "host", Name: "host", Resource: "/"}},
		{"wss://h/a?b=%20", core.Target{Secure: true, Addr: "h:443", Host: "h", Name: "h", Resource: "/a?b=%20"}},
		{"ws://h:80/", core.Target{Addr: "h:80", Host: "h", Name: "h", Resource: "/"}},
		{"ws://h:8080?x", core.Target{Addr: "h:8080", Host: "h:8080", Name: "h", Resource: "/?x"}},
		{"wss://[FE80::1]:444/", core.Target{Secure: true, Addr: "[fe80::1]:444", Host: "[fe80::1]:444", Name: "fe80::1", Resource: "/"}},
		{"ws+hixie75://h/", core.Target{Dialect: core.Hixie75, Addr: "h:80", Host: "h", Name: "h", Resource: "/"}},
		{"wss+rfc6455://h/", core.Target{Dialect: core.RFC6455, Secure: true, Addr: "h:443", Host: "h", Name: "h", Resource: "/"}},
		{"ws://bücher.example/ü", core.Target{Addr: "xn--bcher-kva.example:80", Host: "xn--bcher-kva.example", Name: "xn--bcher-kva.example", Resource: "/%C3%BC"}},
	} {
		got, err := core.ParseURL(test.raw)
		if err != nil || got != test.want {
			t.Errorf("%s: got %+v, %v, want %+v", test.raw, got, err, test.want)
		}
	}
	for _, raw := range []string{"", "h", "http://h/", "https://h", "ws://", "ws:///p", "ws://h/#f", "ws+hixie77://h", "tcp://h:1", "ws://h:port/", "ws://[::1"} {
		if got, err := core.ParseURL(raw); err == nil {
			t.Errorf("%s: got %+v, want an error", raw, got)
		}
	}
}
