package core_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
)

// accepted returns a server side of hixie-76 and the raw stream of its client.
func accepted(t *testing.T, o *core.AcceptOptions) (*core.Conn, net.Conn) {
	t.Helper()
	client, server := streams(t)
	opened := make(chan []byte, 1)
	go func() { opened <- rawHandshake(client) }()
	conn, err := core.Accept(testContext(t), server, o)
	if err != nil {
		t.Fatal(err)
	}
	if answer := <-opened; string(answer) != "8jKS'y:G*Co,Wxa-" {
		t.Fatalf("answer %q", answer)
	}
	return conn, client
}

func closeError(t *testing.T, err error) *core.CloseError {
	t.Helper()
	var ce *core.CloseError
	if !errors.As(err, &ce) {
		t.Fatalf("got %v, want a CloseError", err)
	}
	return ce
}

// Each way of closing gives its own CloseError.
func TestCloseByPeer(t *testing.T) {
	for _, test := range []struct {
		name  string
		sends string
		want  core.CloseError
		after uint64 // bytes behind the closing frame
	}{
		{"closing frame", "\xff\x00", core.CloseError{Clean: true, ByPeer: true, Code: 1005}, 0},
		{"message first", "\x00hi\xff\xff\x00", core.CloseError{Clean: true, ByPeer: true, Code: 1005}, 0},
		{"data behind", "\xff\x00\x00late\xff", core.CloseError{Clean: true, ByPeer: true, Code: 1005}, 6},
		{"bare FF", "\xff", core.CloseError{Clean: true, ByPeer: true, Code: 1005}, 0},
		{"no closing frame", "", core.CloseError{ByPeer: true, Code: 1006, Err: io.ErrUnexpectedEOF}, 0},
		{"cut frame", "\x00hal", core.CloseError{ByPeer: true, Code: 1006, Err: io.ErrUnexpectedEOF}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, client := accepted(t, nil)
			client.Write([]byte(test.sends))
			client.(*net.TCPConn).CloseWrite()
			var err error
			for err == nil {
				_, err = conn.Receive(testContext(t))
			}
			got := closeError(t, err)
			if got.Clean != test.want.Clean || got.ByPeer != test.want.ByPeer || got.Code != test.want.Code ||
				got.Unanswered || !errors.Is(got.Err, test.want.Err) {
				t.Errorf("got %#v: %v", got, got)
			}
			if n := conn.Stats().AfterClosing; n != test.after {
				t.Errorf("%d bytes counted behind the closing frame, want %d", n, test.after)
			}
			reply, _ := io.ReadAll(client)
			if want := map[bool]string{true: "\xff\x00", false: ""}[test.want.Clean]; string(reply) != want {
				t.Errorf("peer got %q, want %q", reply, want)
			}
		})
	}
}

// A frame that is unfinished when the time is up, or the stream ends, is no clean
// end and no mere want of an answer.
func TestCloseCut(t *testing.T) {
	for _, test := range []struct {
		name    string
		then    func(net.Conn)
		receive bool
	}{
		{"silent, Receive", func(net.Conn) {}, true},
		{"silent, Close", func(net.Conn) {}, false},
		{"dropped, Receive", func(c net.Conn) { c.Close() }, true},
		{"dropped, Close", func(c net.Conn) { c.Close() }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, client := accepted(t, &core.AcceptOptions{CloseTimeout: 50 * time.Millisecond})
			go func() {
				client.Write([]byte("\x00hal"))
				io.ReadFull(client, make([]byte, 2))
				test.then(client)
			}()
			var err error
			if test.receive {
				if err := conn.SendClose(testContext(t), 1000, ""); err != nil {
					t.Fatal(err)
				}
				_, err = conn.Receive(testContext(t))
			} else {
				err = conn.Close(testContext(t))
			}
			ce := closeError(t, err)
			if ce.Clean || ce.Unanswered || ce.ByPeer || !errors.Is(ce.Err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "after 3 payload bytes") {
				t.Errorf("got %#v: %v", ce, ce)
			}
		})
	}
}

// A frame that is cut off by this side, because the peer sends on and on, is no fault.
func TestCloseFlooded(t *testing.T) {
	conn, client := accepted(t, &core.AcceptOptions{CloseTimeout: 50 * time.Millisecond})
	var flood sync.WaitGroup
	flood.Go(func() {
		for block := []byte(strings.Repeat("\x00and another thing\xff", 1000)); ; {
			if _, err := client.Write(block[:len(block)-1]); err != nil { // within a frame, mostly
				return
			}
			if _, err := client.Write(block[len(block)-1:]); err != nil {
				return
			}
		}
	})
	if ce := closeError(t, conn.Close(testContext(t))); !ce.Unanswered {
		t.Errorf("got %#v: %v", ce, ce)
	}
	flood.Wait()
}

func TestCloseByUs(t *testing.T) {
	short := &core.AcceptOptions{CloseTimeout: 50 * time.Millisecond}
	for _, test := range []struct {
		name  string
		peer  func(net.Conn)
		clean bool
	}{
		{"answered", func(c net.Conn) { c.Write([]byte("\xff\x00")) }, true},
		{"data, then answered", func(c net.Conn) { c.Write([]byte("\x00late\xff\xff\x00")) }, true},
		{"closed instead", func(c net.Conn) { c.Close() }, false},
		{"silent", func(net.Conn) {}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, client := accepted(t, short)
			go func() {
				io.ReadFull(client, make([]byte, 2))
				test.peer(client)
			}()
			err := conn.Close(testContext(t))
			if test.clean {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if ce := closeError(t, err); ce.Clean || !ce.Unanswered || ce.ByPeer {
				t.Fatalf("got %#v", ce)
			}
			if again := conn.Close(testContext(t)); again != err {
				t.Errorf("second Close: %v", again)
			}
		})
	}
}

// Both sides send their closing frame before they see the other's.
func TestCloseBoth(t *testing.T) {
	each(t, func(t *testing.T, d core.Dialect) {
		client, server := pair(t, &core.DialOptions{Dialect: d}, nil)
		ctx := testContext(t)
		if err := client.SendClose(ctx, 1000, ""); err != nil {
			t.Fatal(err)
		}
		if err := server.SendClose(ctx, 1000, ""); err != nil {
			t.Fatal(err)
		}
		if err := client.Send(ctx, core.Message{}); !errors.Is(err, core.ErrClosing) {
			t.Errorf("Send behind the closing frame: %v", err)
		}
		for _, c := range []*core.Conn{client, server} {
			_, err := c.Receive(ctx)
			if ce := closeError(t, err); !ce.Clean || ce.ByPeer {
				t.Errorf("got %#v", ce)
			}
			if err := c.Close(ctx); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
	})
}

// After SendClose everything that the peer still had to say is received.
func TestSendCloseKeepsReceiving(t *testing.T) {
	client, server := pair(t, nil, nil)
	ctx := testContext(t)
	go func() {
		for {
			if _, err := server.Receive(ctx); err != nil {
				return
			}
		}
	}()
	for range 100 {
		if err := server.Send(ctx, core.Message{Data: []byte("still here")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.SendClose(ctx, 1000, ""); err != nil {
		t.Fatal(err)
	}
	n := 0
	for {
		_, err := client.Receive(ctx)
		if err != nil {
			if ce := closeError(t, err); !ce.Clean {
				t.Fatal(err)
			}
			break
		}
		n++
	}
	if n != 100 {
		t.Errorf("%d messages, want 100", n)
	}
}

// Close while another goroutine receives: that one is given the messages.
func TestCloseWhileReceiving(t *testing.T) {
	conn, client := accepted(t, nil)
	received := make(chan int, 1)
	go func() {
		n := 0
		for {
			if _, err := conn.Receive(context.Background()); err != nil {
				received <- n
				return
			}
			n++
		}
	}()
	time.Sleep(20 * time.Millisecond) // Receive waits now
	go func() {
		io.ReadFull(client, make([]byte, 2))
		client.Write([]byte("\x00one\xff\xff\x00"))
	}()
	if err := conn.Close(testContext(t)); err != nil {
		t.Fatal(err)
	}
	<-received
}

// A peer that floods is no reason not to end.
func TestCloseFlood(t *testing.T) {
	conn, client := accepted(t, &core.AcceptOptions{CloseTimeout: 100 * time.Millisecond})
	go func() {
		for {
			if _, err := client.Write([]byte("\x00flood\xff")); err != nil {
				return
			}
		}
	}()
	if ce := closeError(t, conn.Close(testContext(t))); !ce.Unanswered {
		t.Errorf("got %#v", ce)
	}
}

// A peer that does not read cannot hold up a Close.
func TestCloseStuck(t *testing.T) {
	conn, _ := accepted(t, &core.AcceptOptions{CloseTimeout: 100 * time.Millisecond})
	ctx := t.Context()
	stuck := make(chan error, 1)
	go func() {
		for {
			if err := conn.Send(ctx, core.Message{Data: make([]byte, 1<<20)}); err != nil {
				stuck <- err
				return
			}
		}
	}()
	time.Sleep(50 * time.Millisecond)
	if err := conn.Close(testContext(t)); err == nil {
		t.Error("Close reports a clean end")
	}
	<-stuck
}

// patient is a stream whose write deadlines in the future never come.
type patient struct{ net.Conn }

func (p patient) SetWriteDeadline(t time.Time) error {
	if t.After(time.Now()) {
		t = time.Time{}
	}
	return p.Conn.SetWriteDeadline(t)
}

// Over TLS too: crypto/tls would wait with a goodbye of its own, behind a write that was cut.
func TestCloseStuckTLS(t *testing.T) {
	client, far := openedOver(t, func(t *testing.T) (net.Conn, net.Conn) {
		c, s := net.Pipe()                   // takes nothing that nobody reads
		lender := httptest.NewTLSServer(nil) // of a certificate
		defer lender.Close()
		return tls.Client(patient{c}, &tls.Config{InsecureSkipVerify: true}), tls.Server(s, &tls.Config{Certificates: lender.TLS.Certificates})
	}, core.RFC6455)
	defer far.raw.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if client.Send(ctx, core.Message{Data: make([]byte, 1<<10)}) == nil {
		t.Fatal("all of it is sent, and nobody reads")
	}
	closed := make(chan error, 1)
	go func() { closed <- client.Close(t.Context()) }()
	select {
	case err := <-closed:
		if f := client.Fate(); err == nil || f.Given != 1 || f.Proven != 0 {
			t.Errorf("closed with %v, %+v", err, f)
		}
	case <-time.After(time.Minute):
		t.Fatal("Close does not return")
	}
}

// RFC 6455 carries a code and a reason, and answers pings.
func TestCloseCode(t *testing.T) {
	client, server := pair(t, &core.DialOptions{Dialect: core.RFC6455}, nil)
	ctx := testContext(t)
	go client.CloseWith(ctx, 4001, "enough")
	_, err := server.Receive(ctx)
	if ce := closeError(t, err); !ce.Clean || ce.Code != 4001 || ce.Reason != "enough" {
		t.Errorf("got %#v", ce)
	}
}

func TestPing(t *testing.T) {
	client, server := streams(t)
	go func() {
		client.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"))
		// A ping "hey" and a text "t", both masked with zeros.
		client.Write([]byte("\x89\x83\x00\x00\x00\x00hey\x81\x81\x00\x00\x00\x00t"))
	}()
	conn, err := core.Accept(testContext(t), server, nil)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := conn.Receive(testContext(t)); err != nil || string(m.Data) != "t" {
		t.Fatalf("%q, %v", m.Data, err)
	}
	conn.SendClose(testContext(t), 1000, "")
	client.SetReadDeadline(time.Now().Add(bound))
	got := make([]byte, 4096)
	n := 0
	for n < 4 || string(got[n-4:n]) != "\x88\x02\x03\xe8" {
		k, err := client.Read(got[n:])
		if err != nil {
			t.Fatalf("%v after %q", err, got[:n])
		}
		n += k
	}
	if string(got[n-9:n-4]) != "\x8a\x03hey" {
		t.Errorf("got %q, want a pong before the close", got[:n])
	}
}

// A closing frame that is held is answered when that is asked for; until then the
// peer is still sent messages.
func TestHoldClose(t *testing.T) {
	each(t, func(t *testing.T, d core.Dialect) {
		client, server := pair(t, &core.DialOptions{Dialect: d}, nil)
		ctx := testContext(t)
		server.HoldClose()
		if err := client.Send(ctx, core.Message{Data: []byte("last")}); err != nil {
			t.Fatal(err)
		}
		if err := client.SendClose(ctx, 4321, "so long"); err != nil {
			t.Fatal(err)
		}
		if m, err := server.Receive(ctx); err != nil || string(m.Data) != "last" {
			t.Fatalf("got %q, %v", m.Data, err)
		}
		for _, receive := range []func() error{
			func() error { _, err := server.Receive(ctx); return err },
			func() error { return server.Pump(ctx, nil, nil) },
			func() error { return core.Copy(ctx, client, server) },
		} {
			if err := receive(); err != io.EOF {
				t.Fatalf("at the held closing frame: %v", err)
			}
		}
		if said := server.PeerClose(); said == nil || !said.ByPeer || d == core.RFC6455 && (said.Code != 4321 || said.Reason != "so long") {
			t.Errorf("the peer is said to have closed with %+v", said)
		}
		if server.Ended() != nil {
			t.Error("ended, and not answered yet")
		}
		if err := server.Send(ctx, core.Message{Data: []byte("reply")}); err != nil {
			t.Fatal(err)
		}
		if m, err := client.Receive(ctx); err != nil || string(m.Data) != "reply" {
			t.Fatalf("the peer got %q, %v", m.Data, err)
		}
		answered := make(chan error, 1)
		go func() { answered <- server.CloseWith(ctx, 4322, "") }()
		_, err := client.Receive(ctx)
		if ce := closeError(t, err); !ce.Clean || d == core.RFC6455 && ce.Code != 4322 {
			t.Errorf("the peer saw %v", ce)
		}
		client.Close(ctx)
		if err := <-answered; err != nil {
			t.Errorf("the answer: %v", err)
		}
		if ended := server.Ended(); ended != server.PeerClose() {
			t.Errorf("ended by %v", ended)
		}
		if _, err := server.Receive(ctx); err != server.Ended() {
			t.Errorf("received %v after the end", err)
		}
	})
}

// A held closing frame that meets ours needs no answer.
func TestHoldCloseBoth(t *testing.T) {
	each(t, func(t *testing.T, d core.Dialect) {
		client, server := pair(t, &core.DialOptions{Dialect: d}, nil)
		ctx := testContext(t)
		server.HoldClose()
		for _, conn := range []*core.Conn{client, server} {
			if err := conn.SendClose(ctx, 1000, ""); err != nil {
				t.Fatal(err)
			}
		}
		_, err := server.Receive(ctx)
		if ce := closeError(t, err); !ce.Clean {
			t.Errorf("the server saw %v", ce)
		}
		for _, conn := range []*core.Conn{client, server} {
			if err := conn.Close(ctx); err != nil {
				t.Error(err)
			}
		}
	})
}
