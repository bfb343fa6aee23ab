package serve_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/serve"
)

// A client that never reads, one that sends a byte now and then, 10 000 half
// handshakes and a length of 2 GiB do not delay the others, and memory stays within
// what the limits allow.
func TestHostileMemory(t *testing.T) {
	const maxMessage, sendBytes = 1 << 20, 256 << 10
	half := 10_000
	if raceEnabled {
		half = 1000 // without it all of them are there, see make allocs
	}
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	half = min(half, int(files.Cur)/2-200) // both ends are in this process
	r := start(t, loops, &serve.Server{
		Events: serve.Echo{}, Grace: 100 * time.Millisecond,
		Settings: serve.Settings{MaxMessage: maxMessage, SendBytes: sendBytes},
		Accept:   core.AcceptOptions{HandshakeTimeout: time.Minute},
	})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)

	var hostile sync.WaitGroup
	block := []byte(strings.Repeat(largeOf(core.Hixie76), 16))
	for range 10 {
		stream := r.raw(t, true)
		hostile.Go(func() {
			for {
				if _, err := stream.Write(block); err != nil {
					return
				}
			}
		})
	}
	big := r.raw(t, true)
	io.WriteString(big, "\x80\x87\xff\xff\xff\x7f") // 2 GiB - 1
	if rest, err := io.ReadAll(big); err != nil || len(rest) > 0 {
		t.Errorf("2 GiB: %q, %v", rest, err)
	}
	slow := r.raw(t, true)
	stop := make(chan struct{})
	hostile.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
				slow.Write([]byte{0})
			}
		}
	})
	for range half {
		stream, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		r.raws = append(r.raws, stream)
		io.WriteString(stream, request[:50])
	}

	// The others: a hundred round trips on each of three connections.
	longest := time.Duration(0)
	for _, d := range core.Dialects {
		conn := r.dial(t, d)
		for range 100 {
			began := time.Now()
			echoes(t, conn, "still there?")
			longest = max(longest, time.Since(began))
		}
		conn.Close(testContext(t))
	}
	t.Logf("the longest round trip took %v", longest)
	if longest > bound/4 {
		t.Errorf("a round trip took %v", longest)
	}
	eventually(t, "all half handshakes have come", func() bool { return r.Stats().Conns >= int64(half) })
	runtime.GC()
	runtime.ReadMemStats(&after)
	used := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	// 10 that do not read: what may wait, one read's answers more, and the rest of
	// a read; each half handshake: both ends, and the bytes of its head.
	most := int64(10*(sendBytes+2*256<<10) + half*3000 + 4<<20)
	t.Logf("%d kB in use, at most %d kB", used>>10, most>>10)
	if used > most {
		t.Errorf("%d bytes in use, want at most %d", used, most)
	}
	close(stop)
	r.end(t)
	hostile.Wait()
	if open, err := os.ReadDir("/proc/self/fd"); err == nil && len(open) > 100 {
		t.Errorf("%d descriptors are open still", len(open))
	}
}

// While Events hold every loop up, what asks for no WebSocket is answered, and new
// connections are opened and served: Message does not return before they were.
func TestLongEvents(t *testing.T) {
	held, answered := make(chan struct{}), make(chan struct{})
	r := start(t, fronted, &serve.Server{
		Loops: 1,
		Events: told{message: func(p *serve.Peer, m core.Message) {
			if string(m.Data) != "hold" {
				p.Reply(m)
				return
			}
			close(held)
			select {
			case <-answered:
			case <-time.After(bound):
				t.Error("others were not answered while Message held the loop up")
			}
			p.Reply(m)
		}},
		HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "well") }),
	})
	before := r.raw(t, false) // is there already, and asks later
	conn := r.dial(t, core.Hixie76)
	if err := conn.Send(testContext(t), core.Message{Data: []byte("hold")}); err != nil {
		t.Fatal(err)
	}
	<-held
	ask := func(stream net.Conn) {
		stream.SetDeadline(time.Now().Add(bound))
		io.WriteString(stream, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if got, err := io.ReadAll(stream); err != nil || !strings.HasSuffix(string(got), "well") {
			t.Errorf("%q, %v", got, err)
		}
	}
	ask(before)
	ask(r.raw(t, false))
	for _, d := range core.Dialects {
		other := r.dial(t, d)
		echoes(t, other, "meanwhile")
		other.Close(testContext(t))
	}
	close(answered)
	if m, err := conn.Receive(testContext(t)); err != nil || string(m.Data) != "hold" {
		t.Errorf("%q, %v", m.Data, err)
	}
	conn.Close(testContext(t))
	r.end(t)
}
