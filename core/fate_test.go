package core_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
)

func TestFrameEnds(t *testing.T) {
	each(t, func(t *testing.T, d core.Dialect) {
		codec := core.NewCodec(d, false, nil)
		var b []byte
		var want []int
		for _, n := range []int{0, 1, 125, 126, 65535, 65536, 3} {
			b, _ = codec.Append(b, core.Message{Data: bytes.Repeat([]byte("x"), n)})
			want = append(want, len(b))
			b = codec.AppendPong(b, []byte("pong"))
		}
		b = codec.AppendClosing(b, 1000, "")
		if got := core.FrameEnds(d, b); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v, want %v", got, want)
		}
		for i := range b[:min(len(b), 400)] { // whatever comes, nothing beyond
			core.FrameEnds(d, b[i:])
		}
	})
}

// fateSize is the data of each message in TestFate, and fateFrame its frame's of a client.
const fateSize = 100

func fateFrame(d core.Dialect) int {
	if d == core.RFC6455 {
		return fateSize + 6
	}
	return fateSize + 2
}

// farEnd is a peer after the handshake: its connection, and the stream under it.
type farEnd struct {
	*core.Conn
	raw net.Conn
}

// read takes n bytes off the stream, or what there is until it ends, and says how many.
func (f *farEnd) read(n int) int {
	f.raw.SetReadDeadline(time.Now().Add(bound))
	got, _ := io.CopyN(io.Discard, f.raw, int64(n))
	return int(got)
}

// reset ends the stream by an RST.
func (f *farEnd) reset() {
	raw := f.raw
	if t, ok := raw.(*tls.Conn); ok {
		raw = t.NetConn()
	}
	if tcp, ok := raw.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	raw.Close()
}

// fateStreams are the streams that TestFate goes over.
var fateStreams = map[string]func(t *testing.T) (client, server net.Conn){
	"tcp": streams,
	"tls": func(t *testing.T) (client, server net.Conn) {
		c, s := streams(t)
		lender := httptest.NewTLSServer(nil) // of a certificate
		defer lender.Close()
		return tls.Client(c, &tls.Config{InsecureSkipVerify: true}), tls.Server(s, &tls.Config{Certificates: lender.TLS.Certificates})
	},
	"unix": func(t *testing.T) (client, server net.Conn) {
		l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if client, err = net.Dial("unix", l.Addr().String()); err != nil {
			t.Fatal(err)
		}
		if server, err = l.Accept(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close(); server.Close() })
		return client, server
	},
}

// TestFate: whatever the end, what is said to be proven was read, what is said not to
// have been sent was not, and what is not known is no more than the systems hold.
func TestFate(t *testing.T) {
	const count = 50_000 // far more than fits anywhere unread
	ends := []struct {
		name   string
		send   int // messages
		end    func(f *farEnd, size int) (read int)
		all    bool // of what was sent is proven
		unsent bool // some certainly have not left, over TCP
	}{
		{"fin, all read", 2000, func(f *farEnd, size int) int { n := f.read(2000 * size); f.raw.Close(); return n }, false, false},
		{"fin, half read", count, func(f *farEnd, size int) int { n := f.read(count / 2 * size); f.raw.Close(); return n }, false, false},
		{"rst, all read", 2000, func(f *farEnd, size int) int { n := f.read(2000 * size); f.reset(); return n }, false, false},
		{"rst, half read", count, func(f *farEnd, size int) int { n := f.read(count/2*size + size/2); f.reset(); return n }, false, true},
		{"rst, nothing read", count, func(f *farEnd, _ int) int { time.Sleep(50 * time.Millisecond); f.reset(); return 0 }, false, true},
		{"closed here", 2000, func(f *farEnd, size int) int {
			n := f.read(2000 * size)
			f.Receive(context.Background())
			f.Close(context.Background())
			return n
		}, true, false},
	}
	for stream, open := range fateStreams {
		each(t, func(t *testing.T, d core.Dialect) {
			for _, e := range ends {
				t.Run(stream+", "+e.name, func(t *testing.T) {
					client, far := openedOver(t, open, d)
					size := fateFrame(d)
					read := make(chan int, 1)
					go func() { read <- e.end(far, size) }()
					ctx := testContext(t)
					data := bytes.Repeat([]byte("x"), fateSize)
					batch, taken := client.Batch(), 0
					received := make(chan error, 1)
					go func() { _, err := client.Receive(ctx); received <- err }()
					for i := 0; i < e.send && client.Ended() == nil; i += 10 {
						for range 10 {
							if batch.Queue(ctx, core.Message{Data: data}) == nil {
								taken++
							}
						}
						if batch.Flush(ctx) != nil {
							break
						}
					}
					if !e.all {
						<-received
					}
					client.Close(ctx)
					whole := uint64(<-read / size)
					f := client.Fate()
					t.Logf("%+v of %d, %d read", f, taken, whole)
					if f.Given != uint64(taken) || f.Proven > whole || f.Sent < whole || f.Sent > f.Given {
						t.Errorf("%+v of %d; %d were read", f, taken, whole)
					}
					if e.all && (f.Proven != f.Given || taken != e.send) {
						t.Errorf("%+v of %d; all are proven", f, taken)
					}
					most := uint64(8 << 20 / size)
					if f.NotKnown() > most {
						t.Errorf("%+v: more than %d are not known", f, most)
					}
					if e.unsent && stream == "tcp" && f.NotSent() == 0 && f.Given-whole > most {
						t.Errorf("%+v: what waited behind the window has not been sent", f)
					}
				})
			}
		})
	}
}

func openedOver(t *testing.T, open func(t *testing.T) (client, server net.Conn), d core.Dialect) (*core.Conn, *farEnd) {
	cs, ss := open(t)
	far := &farEnd{raw: ss}
	accepted := make(chan error, 1)
	go func() {
		var err error
		far.Conn, err = core.Accept(testContext(t), ss, nil)
		accepted <- err
	}()
	client, err := core.Client(testContext(t), cs, "ws://example.com/", &core.DialOptions{Dialect: d})
	if err == nil {
		err = <-accepted
	}
	if err != nil {
		t.Fatal(err)
	}
	return client, far
}

// TestProve: RFC 6455 asks, and waits for who reads late; the drafts have what TCP says.
func TestProve(t *testing.T) {
	each(t, func(t *testing.T, d core.Dialect) {
		client, far := openedOver(t, streams, d)
		ctx := testContext(t)
		go client.Receive(ctx)
		for range 3 {
			if err := client.Send(ctx, core.Message{Data: []byte("hello")}); err != nil {
				t.Fatal(err)
			}
		}
		soon, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		if err := client.Prove(soon); (err != nil) != (d == core.RFC6455) {
			t.Fatalf("while nobody reads: %v", err)
		}
		go func(far *farEnd) {
			for {
				if _, err := far.Receive(ctx); err != nil {
					return
				}
			}
		}(far)
		if err := client.Send(ctx, core.Message{Data: []byte("hello")}); err != nil {
			t.Fatal(err)
		}
		if err := client.Prove(ctx); err != nil {
			t.Fatal(err)
		}
		if f := client.Fate(); d == core.RFC6455 && f != (core.Fate{Given: 4, Sent: 4, Proven: 4}) {
			t.Errorf("%+v", f)
		}
		client, far = openedOver(t, streams, d)
		if err := client.Send(ctx, core.Message{Data: []byte("hello")}); err != nil {
			t.Fatal(err)
		}
		far.reset()
		client.Receive(ctx)
		if err := client.Prove(ctx); !errors.As(err, new(*core.CloseError)) {
			t.Errorf("at the end: %v", err)
		}
	})
}

// A Receive that is interrupted late does not cut short the wait for the peer to end,
// which proves what came before our closing frame.
func TestFateInterrupted(t *testing.T) {
	for range 100 {
		near, far := openedOver(t, fateStreams["tcp"], core.Hixie76)
		near.HoldClose()
		if err := far.SendClose(testContext(t), 0, ""); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := near.Receive(ctx); err != io.EOF {
			t.Fatal(err)
		}
		if err := near.Send(testContext(t), core.Message{Data: []byte("reply")}); err != nil {
			t.Fatal(err)
		}
		if err := near.SendClose(testContext(t), 0, ""); err != nil {
			t.Fatal(err)
		}
		closed := make(chan error, 1)
		go func() { closed <- near.Close(testContext(t)) }()
		cancel()
		time.Sleep(time.Millisecond)
		far.read(1 << 20)
		far.raw.Close()
		if err := <-closed; err != nil {
			t.Fatal(err)
		}
		if f := near.Fate(); f.Proven != 1 {
			t.Fatalf("of what the peer has read that is known: %+v", f)
		}
	}
}
