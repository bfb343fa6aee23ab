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
	"sync/atomic"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/serve"
)

// onEvents runs a test on the engines that serve Events.
func onEvents(t *testing.T, f func(t *testing.T, e engine)) {
	for _, e := range []engine{loops, goroutines} {
		t.Run(string(e), func(t *testing.T) { f(t, e) })
	}
}

func text(s string) core.Message { return core.Message{Data: []byte(s)} }

// eventually waits until ok says so.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for start := time.Now(); !ok(); time.Sleep(time.Millisecond) {
		if time.Since(start) > bound {
			t.Fatalf("still not: %s", what)
		}
	}
}

func TestPeer(t *testing.T) {
	onEvents(t, func(t *testing.T, e engine) {
		closed := make(chan *serve.Peer, 3)
		var open sync.Map
		r := start(t, e, &serve.Server{
			Accept: core.AcceptOptions{Protocols: []string{"chat"}},
			Events: told{
				open: func(p *serve.Peer) {
					open.Store(p.Dialect(), p)
					p.Send(text("welcome"))
				},
				message: func(p *serve.Peer, m core.Message) {
					p.Reply(m)
				},
				closed: func(p *serve.Peer, err error) {
					var ce *core.CloseError
					if !errors.As(err, &ce) || !ce.Clean || !ce.ByPeer || p.RemoteAddr() == nil {
						t.Errorf("%s from %v closed with %v", p.Dialect(), p.RemoteAddr(), err)
					}
					if err := p.Send(text("late")); !errors.Is(err, core.ErrClosing) {
						t.Errorf("Send after the end: %v", err)
					}
					closed <- p
				},
			}})
		for i, d := range core.Dialects {
			conn, err := core.Dial(testContext(t), "ws://"+r.addr+"/", &core.DialOptions{Dialect: d, Protocols: []string{"chat"}})
			if err != nil {
				t.Fatal(err)
			}
			if m, err := conn.Receive(testContext(t)); err != nil || string(m.Data) != "welcome" {
				t.Fatalf("%q, %v", m.Data, err)
			}
			for _, size := range []int{0, 1, 125, 126, 20_000, 70_000, 1 << 20} {
				echoes(t, conn, strings.Repeat("ä", size/2))
			}
			v, _ := open.Load(d)
			p := v.(*serve.Peer)
			if p.Protocol() != "chat" || p.Transport() != "tcp" || p.Secure() || p.ID() != uint64(i+1) {
				t.Errorf("%s: protocol %q, transport %q, id %d", d, p.Protocol(), p.Transport(), p.ID())
			}
			if n, b := p.Queued(); n != 0 || b != 0 {
				t.Errorf("%d messages of %d bytes are queued", n, b)
			}
			var seen []*serve.Peer
			r.Peers(func(p *serve.Peer) bool { seen = append(seen, p); return true })
			if len(seen) != 1 || seen[0] != p {
				t.Errorf("open: %v", seen)
			}
			if err := p.Send(core.Message{Data: []byte("bin\x00"), Kind: core.Binary}); (d == core.RFC6455) != (err == nil) {
				t.Errorf("%s: binary: %v", d, err)
			}
			var invalid *core.InvalidUTF8Error
			if err := p.Send(text("ab\xff")); !errors.As(err, &invalid) {
				t.Errorf("invalid text: %v", err)
			}
			want := uint64(8)
			if d == core.RFC6455 {
				want++
			}
			eventually(t, "all is counted", func() bool { return p.Stats().MessagesOut == want })
			if err := conn.Close(testContext(t)); err != nil {
				t.Error(err)
			}
			if p := <-closed; p.Stats().MessagesIn != 7 {
				t.Errorf("%s: %+v", d, p.Stats())
			}
		}
		eventually(t, "all are gone", func() bool { return r.Stats().Conns == 0 })
		st := r.Stats()
		if st.MessagesIn != 21 || st.MessagesOut != 25 || st.Opened[core.Hixie76] != 1 || st.Open[core.Hixie76] != 0 {
			t.Errorf("%+v", st)
		}
		r.end(t)
	})
}

// Route decides by the request; what came early goes where the connection goes.
func TestRoute(t *testing.T) {
	onEvents(t, func(t *testing.T, e engine) {
		blocking := func(ctx context.Context, conn *core.Conn) error {
			if err := conn.Send(ctx, text("from a handler")); err != nil {
				return err
			}
			return core.Copy(ctx, conn, conn)
		}
		small := &serve.Settings{MaxMessage: 10}
		r := start(t, e, &serve.Server{
			HTTP: http.NotFoundHandler(),
			Route: func(o *serve.Opening) (serve.Service, *core.Refusal) {
				if o.RemoteAddr() == nil || o.Transport() != "tcp" || o.Secure {
					t.Errorf("%v, %q", o.RemoteAddr(), o.Transport())
				}
				switch o.Request.Resource {
				case "/handler":
					return serve.Service{Handler: blocking}, nil
				case "/small":
					return serve.Service{Events: serve.Echo{}, Settings: small, Header: hixie.Fields{{Name: "X-Small", Value: "yes"}}}, nil
				}
				return serve.Service{}, &core.Refusal{Status: 404, Reason: "Not Found", Text: "there is /handler and /small"}
			}})
		open := func(resource string, behind string) (head string, stream net.Conn) {
			stream = r.raw(t, false)
			io.WriteString(stream, strings.Replace(request, "/demo", resource, 1)+behind)
			if resource == "/other" {
				all, _ := io.ReadAll(stream)
				return string(all), stream
			}
			return readUntil(t, stream, answer), stream
		}
		if head, _ := open("/other", ""); !strings.HasPrefix(head, "HTTP/1.1 404 Not Found\r\n") || !strings.HasSuffix(head, "there is /handler and /small\n") {
			t.Errorf("got %q", head)
		}
		_, stream := open("/handler", "\x00early\xff")
		readUntil(t, stream, "\x00from a handler\xff\x00early\xff")
		head, stream := open("/small", "\x00one\xff\x00two\xff")
		if !strings.Contains(head, "\r\nX-Small: yes\r\n") {
			t.Errorf("got %q", head)
		}
		readUntil(t, stream, "\x00one\xff\x00two\xff")
		io.WriteString(stream, "\x0012345678901\xff")
		if rest, err := io.ReadAll(stream); err != nil || len(rest) > 0 {
			t.Errorf("after a large message: %q, %v", rest, err)
		}
		resp, err := http.Get("http://" + r.addr)
		if err != nil || resp.StatusCode != 404 {
			t.Errorf("plain HTTP: %v, %v", resp, err)
		}
		resp.Body.Close()
		http.DefaultClient.CloseIdleConnections()
		r.end(t)
	})
}

// What waits for a peer that does not read is bounded, and what the policy drops is counted.
func TestSlowPolicies(t *testing.T) {
	onEvents(t, func(t *testing.T, e engine) {
		for _, policy := range []core.Slow{core.DropOldest, core.DropNewest, core.CloseSlow} {
			opened := make(chan *serve.Peer, 1)
			closed := make(chan error, 1)
			r := start(t, e, &serve.Server{
				Settings: serve.Settings{Queue: 10, Slow: policy},
				Accept:   core.AcceptOptions{CloseTimeout: 100 * time.Millisecond},
				Events: told{open: func(p *serve.Peer) { opened <- p },
					closed: func(_ *serve.Peer, err error) { closed <- err }}})
			stream := r.raw(t, true)
			p := <-opened
			const total = 3000 // of 10 kB each, in pairs: more than sockets buffer
			for i := 0; i < total; i += 2 {
				s := new(core.Shared)
				s.Add(text(fmt.Sprintf("%06d%s", i, strings.Repeat(".", 10_000))))
				s.Add(text(fmt.Sprintf("%06d%s", i+1, strings.Repeat(".", 10_000))))
				p.SendShared(s)
				if n, b := p.Queued(); policy != core.CloseSlow && (n > 10 || b > 11*10_008) {
					t.Fatalf("%d messages of %d bytes are queued", n, b)
				}
			}
			if policy == core.CloseSlow {
				if err := <-closed; err == nil {
					t.Error("closed without an error")
				}
				if st := r.Stats(); st.Dropped == 0 || st.Unsent > 0 {
					t.Errorf("closed: %d dropped, %d unsent; want them dropped by the policy", st.Dropped, st.Unsent)
				}
				r.end(t)
				continue
			}
			dropped := p.Stats().Dropped
			if dropped == 0 || dropped != r.Stats().Dropped {
				t.Errorf("policy %d: dropped %d, %d", policy, dropped, r.Stats().Dropped)
			}
			want := total - int(dropped)
			last, got := -1, 0
			for b := make([]byte, 10_008); got < want; got++ {
				if _, err := io.ReadFull(stream, b); err != nil {
					t.Fatal(err)
				}
				var n int
				if _, err := fmt.Sscanf(string(b[1:7]), "%d", &n); err != nil || n <= last || b[0] != 0 || b[10_007] != 0xFF {
					t.Fatalf("after %d: %q, %v", last, b[:10], err)
				}
				last = n
			}
			if (policy == core.DropOldest) != (last == total-1) {
				t.Errorf("policy %d: the last was %d", policy, last)
			}
			eventually(t, "nothing is queued", func() bool { n, _ := p.Queued(); return n == 0 })
			eventually(t, "all are counted", func() bool { return int(p.Stats().MessagesOut) == want })
			r.end(t)
		}
	})
}

// A subscriber that says nothing and is sent to is not idle.
func TestIdleCountsBothWays(t *testing.T) {
	const idle = 400 * time.Millisecond
	onEvents(t, func(t *testing.T, e engine) {
		opened := make(chan *serve.Peer, 1)
		r := start(t, e, &serve.Server{Idle: idle, Events: told{open: func(p *serve.Peer) { opened <- p }}})
		conn := r.dial(t, core.Hixie76)
		p := <-opened
		for i := range 12 {
			time.Sleep(idle / 4)
			s := new(core.Shared)
			s.Add(text("news"))
			p.SendShared(s)
			if m, err := conn.Receive(testContext(t)); err != nil {
				t.Fatalf("message %d: %v", i, err)
			} else if string(m.Data) != "news" {
				t.Errorf("got %q", m.Data)
			}
		}
		var ce *core.CloseError
		if _, err := conn.Receive(testContext(t)); !errors.As(err, &ce) || !ce.ByPeer {
			t.Errorf("got %v, want a close by the server in the end", err)
		}
		r.end(t)
	})
}

// Send fails when as much waits as may, and works again once the peer reads.
func TestSendFull(t *testing.T) {
	onEvents(t, func(t *testing.T, e engine) {
		opened := make(chan *serve.Peer, 1)
		r := start(t, e, &serve.Server{Settings: serve.Settings{SendBytes: 100_000},
			Events: told{open: func(p *serve.Peer) { opened <- p }}})
		stream := r.raw(t, true)
		p := <-opened
		m := text(strings.Repeat("x", 10_000))
		sent := 0
		for ; ; sent++ {
			if err := p.Send(m); err != nil {
				if !errors.Is(err, serve.ErrFull) {
					t.Fatal(err)
				}
				break
			}
			if _, b := p.Queued(); b > 120_000 {
				t.Fatalf("%d bytes are queued", b)
			}
		}
		if _, err := io.CopyN(io.Discard, stream, int64(sent)*10_002); err != nil {
			t.Fatal(err)
		}
		eventually(t, "Send works again", func() bool { return p.Send(m) == nil })
		r.end(t)
	})
}

func TestRate(t *testing.T) {
	onEvents(t, func(t *testing.T, e engine) {
		r := start(t, e, &serve.Server{Settings: serve.Settings{Rate: 50}, Events: serve.Echo{}})
		for _, d := range core.Dialects {
			conn := r.dial(t, d)
			began := time.Now()
			for i := range 70 { // 50 at once, the others one each 20 ms
				if err := conn.Send(testContext(t), text(fmt.Sprint(i))); err != nil {
					t.Fatal(err)
				}
			}
			for i := range 70 {
				if m, err := conn.Receive(testContext(t)); err != nil || string(m.Data) != fmt.Sprint(i) {
					t.Fatalf("%q, %v", m.Data, err)
				}
			}
			if took := time.Since(began); took < 300*time.Millisecond {
				t.Errorf("%s: 70 messages at 50 a second took %v", d, took)
			}
			conn.Close(testContext(t))
		}
		r.end(t)
	})
}

func TestFlashPolicy(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		refused := make(chan error, 1)
		r := start(t, e, &serve.Server{Accept: core.AcceptOptions{FlashPolicy: "<cross-domain-policy/>", CloseTimeout: 200 * time.Millisecond},
			Refused: func(_ net.Addr, err error) { refused <- err }})
		stream := r.raw(t, false)
		for _, part := range []string{"<policy-", "file-request", "/>\x00"} {
			io.WriteString(stream, part)
			time.Sleep(time.Millisecond)
		}
		if got, err := io.ReadAll(stream); err != nil || string(got) != "<cross-domain-policy/>\x00" {
			t.Errorf("got %q, %v", got, err)
		}
		if err := <-refused; !errors.Is(err, core.ErrPolicyRequest) {
			t.Errorf("told %v", err)
		}
		stream.Close()
		echoes(t, r.dial(t, core.Hixie76), "hello")
		r.end(t)
	})
}

// A proxy hands on key3 only once it has seen our head.
func TestKey3Withheld(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		r := start(t, e, &serve.Server{Accept: core.AcceptOptions{HandshakeTimeout: 300 * time.Millisecond}})
		head, key3 := request[:len(request)-8], request[len(request)-8:]
		for n := range 9 {
			stream := r.raw(t, false)
			io.WriteString(stream, head+key3[:n])
			readUntil(t, stream, "\r\n\r\n")
			io.WriteString(stream, key3[n:]+"\x00hello\xff")
			readUntil(t, stream, answer[4:]+"\x00hello\xff")
		}
		never := r.raw(t, false)
		io.WriteString(never, head+"1234567")
		readUntil(t, never, "\r\n\r\n")
		if rest, err := io.ReadAll(never); err != nil || len(rest) > 0 {
			t.Errorf("got %q, %v", rest, err)
		}
		r.end(t)
	})
}

func TestHandshakeTimeout(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		r := start(t, e, &serve.Server{Accept: core.AcceptOptions{HandshakeTimeout: 100 * time.Millisecond}})
		if got, err := io.ReadAll(r.raw(t, false)); err != nil || len(got) > 0 {
			t.Errorf("who said nothing got %q, %v", got, err)
		}
		stream := r.raw(t, false)
		io.WriteString(stream, request[:50])
		if got, err := io.ReadAll(stream); err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 408 ") {
			t.Errorf("who said half got %q, %v", got, err)
		}
		r.end(t)
	})
}

// A stop under load: what was accepted is delivered or counted, and each client
// gets the closing frame.
func TestStopUnderLoad(t *testing.T) {
	onEvents(t, func(t *testing.T, e engine) {
		var accepted atomic.Uint64
		r := start(t, e, &serve.Server{Grace: bound, Accept: core.AcceptOptions{CloseTimeout: bound}, Events: told{message: func(p *serve.Peer, m core.Message) {
			if p.Reply(m) == nil {
				accepted.Add(1)
			}
		}}})
		var clients, readers sync.WaitGroup
		var stuck []net.Conn
		var delivered atomic.Uint64
		for i := range 8 {
			stream := r.raw(t, true)
			clients.Go(func() {
				block := []byte(strings.Repeat("\x00"+strings.Repeat("a message under load ", 20)+"\xff", 5))
				for {
					if _, err := stream.Write(block); err != nil {
						return
					}
				}
			})
			if i < 2 {
				stuck = append(stuck, stream)
				continue // these never read
			}
			readers.Go(func() {
				defer stream.Close()
				var d hixie.Decoder
				b := make([]byte, 64<<10)
				for n := uint64(0); ; {
					k, err := stream.Read(b)
					for d.Feed(b[:k]); ; n++ {
						f, err := d.Next()
						if err != nil {
							break
						}
						if f.IsClosing() {
							delivered.Add(n)
							return
						}
					}
					if err != nil {
						t.Errorf("a client got no closing frame: %v after %d messages", err, n)
						return
					}
				}
			})
		}
		eventually(t, "there is load", func() bool { return accepted.Load() > 2000 })
		r.stop()
		readers.Wait()
		for _, stream := range stuck {
			stream.Close()
		}
		r.stopAndWait(t)
		clients.Wait()
		st := r.Stats()
		// With goroutines a reply whose write fails counts as out, too.
		over := st.MessagesOut + st.Unsent - accepted.Load()
		if st.Conns != 0 || over > 20 || e == loops && over != 0 {
			t.Errorf("accepted %d, out %d, unsent %d", accepted.Load(), st.MessagesOut, st.Unsent)
		}
		if delivered.Load() > st.MessagesOut {
			t.Errorf("delivered %d of %d", delivered.Load(), st.MessagesOut)
		}
	})
}

// Connections that come and go at once, each with a little traffic.
func TestChurn(t *testing.T) {
	onEvents(t, func(t *testing.T, e engine) {
		var open atomic.Int64
		r := start(t, e, &serve.Server{Events: told{
			open:   func(*serve.Peer) { open.Add(1) },
			closed: func(*serve.Peer, error) { open.Add(-1) },
		}})
		var clients sync.WaitGroup
		for w := range 10 {
			clients.Go(func() {
				for i := range 100 {
					conn, err := core.Dial(testContext(t), "ws://"+r.addr+"/", &core.DialOptions{Dialect: core.Dialects[i%3]})
					if err != nil {
						t.Error(err)
						return
					}
					conn.Send(testContext(t), text(fmt.Sprint(w, i)))
					m, err := conn.Receive(testContext(t))
					for err == nil && string(m.Data) == "hello to all" {
						m, err = conn.Receive(testContext(t))
					}
					if err != nil || string(m.Data) != fmt.Sprint(w, i) {
						t.Errorf("%q, %v", m.Data, err)
					}
					switch i % 4 {
					case 0:
						r.Peers(func(p *serve.Peer) bool {
							p.Send(text("hello to all"))
							return true
						})
						fallthrough
					case 1:
						conn.Close(testContext(t))
					default: // gone without a word
						ctx, cancel := context.WithCancel(context.Background())
						cancel()
						conn.Close(ctx)
					}
				}
			})
		}
		clients.Wait()
		eventually(t, "all are gone", func() bool { return open.Load() == 0 && r.Stats().Conns == 0 })
		r.end(t)
	})
}

// The last words of the server arrive although the client has sent more.
func TestLastWordsArrive(t *testing.T) {
	onEngines(t, func(t *testing.T, e engine) {
		r := start(t, e, &serve.Server{})
		stream := r.raw(t, true)
		io.WriteString(stream, "\x00one\xff\xff\x00"+strings.Repeat("\x00behind\xff", 1000))
		if got, err := io.ReadAll(stream); err != nil || string(got) != "\x00one\xff\xff\x00" {
			t.Errorf("got %q, %v", got, err)
		}
		r.end(t)
	})
}
