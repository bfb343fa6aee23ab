package module

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// What the host sends leaves as segments by size, by time and at the match character.
func TestForwarding(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	type piece struct {
		wait time.Duration
		send string
	}
	for name, c := range map[string]struct {
		settings []string
		pieces   []piece
		want     []string
	}{
		"time":         {[]string{"comm time 20"}, []piece{{0, "abc"}, {10 * ms, "def"}, {50 * ms, "ghi"}}, []string{"abcdef", "ghi"}},
		"size":         {[]string{"comm time 0", "comm size 4"}, []piece{{0, "abcd"}, {50 * ms, "ef"}, {50 * ms, "gh"}}, []string{"abcd", "efgh"}},
		"match":        {[]string{"comm time 0", "comm match 0xff"}, []piece{{0, "abc"}, {50 * ms, "d\xffe"}, {50 * ms, "\xff"}}, []string{"abcd\xff", "e\xff"}},
		"match letter": {[]string{"comm time 0", "comm match d"}, []piece{{0, "abc"}, {50 * ms, "d"}}, []string{"abcd"}},
		"rest by time": {[]string{"comm time 30", "comm match 0xff"}, []piece{{0, "a\xffb"}, {100 * ms, "c"}}, []string{"a\xff", "b", "c"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake(t, Options{Running: true}, func(h *host, peer func() net.Conn) {
				h.open(c.settings...)
				conn := peer()
				go func() {
					for _, p := range c.pieces {
						time.Sleep(p.wait)
						h.send(p.send)
					}
				}()
				for _, want := range c.want {
					b := make([]byte, 100)
					if n, err := conn.Read(b); string(b[:n]) != want {
						t.Fatalf("segment %q (%v), want %q", b[:n], err, want)
					}
				}
			})
		})
	}
}

// The wire is as fast as it is set, and no faster: 8N1 has 10 bits a byte.
func TestPace(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{2400, 9600, 115200, 921600} {
		fake(t, Options{Running: true, Baud: rate}, func(h *host, peer func() net.Conn) {
			h.open("comm match 0xff", "comm size 1420")
			conn := peer()
			time.Sleep(time.Second)
			n := max(rate/10, 1000) // a second or so
			wire := time.Duration(n) * 10 * time.Second / time.Duration(rate)

			begin := time.Now()
			go h.send(strings.Repeat("x", n-1) + "\xff")
			if _, err := io.ReadFull(conn, make([]byte, n)); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begin); took < wire-slack || took > wire+wire/50+slack {
				t.Errorf("%d baud: %d bytes from the host took %v, want %v", rate, n, took, wire)
			}
			begin = time.Now()
			go conn.Write(append(bytes.Repeat([]byte("y"), n-1), '!'))
			h.until("!")
			if took := time.Since(begin); took < wire-slack || took > wire+wire/50+slack {
				t.Errorf("%d baud: %d bytes to the host took %v, want %v", rate, n, took, wire)
			}
		})
	}
}

// A peer that does not read: with flow control the host has to wait and nothing is
// lost, without it bytes are, and are counted.
func TestBuffer(t *testing.T) {
	t.Parallel()
	for _, flow := range []bool{false, true} {
		settings := ""
		if flow {
			settings = "set uart flow 1\n"
		}
		fake(t, Options{Running: true, Settings: settings}, func(h *host, peer func() net.Conn) {
			h.open("comm size 100")
			conn := peer()
			const total = 20000
			written := make(chan int, 1)
			go func() {
				d := h.port.(net.Conn)
				d.SetWriteDeadline(time.Now().Add(10 * time.Second))
				n, err := d.Write(bytes.Repeat([]byte("x"), total))
				if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error(err)
				}
				written <- n
			}()
			n := <-written
			if flow && (n > 2*bufferSize+1024) || !flow && n != total {
				t.Errorf("flow %v: the module took %d bytes", flow, n)
			}
			conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			got, _ := io.ReadAll(conn)
			s := h.m.Stats()
			if int(s.Overruns)+len(got) != n || flow && s.Overruns != 0 || !flow && s.Overruns < total-3*bufferSize {
				t.Errorf("flow %v: %d bytes written, %d arrived, %+v", flow, n, len(got), s)
			}
		})
	}
}

// A host that does not read: without flow control bytes are lost and counted.
func TestHostStalls(t *testing.T) {
	t.Parallel()
	for _, flow := range []bool{false, true} {
		settings := ""
		if flow {
			settings = "set uart flow 1\n"
		}
		fake(t, Options{Running: true, Settings: settings}, func(h *host, peer func() net.Conn) {
			h.open()
			conn := peer()
			h.hold(true)
			written := make(chan error, 1)
			go func() {
				conn.SetWriteDeadline(time.Now().Add(20 * time.Second))
				_, err := conn.Write(bytes.Repeat([]byte("x"), 10000))
				written <- err
			}()
			err := <-written
			if flow != errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("flow %v: the peer's write: %v", flow, err)
			}
			h.hold(false)
			if lost := h.m.Stats().Lost; flow && lost != 0 || !flow && lost == 0 {
				t.Errorf("flow %v: %d bytes lost", flow, lost)
			}
		})
	}
}

// In command mode what the peer sends waits; it comes with exit.
func TestHeldInCommandMode(t *testing.T) {
	t.Parallel()
	fake(t, Options{Running: true}, func(h *host, peer func() net.Conn) {
		h.open()
		conn := peer()
		h.escape()
		go func() {
			conn.Write([]byte("for later"))
			conn.Close()
		}()
		if got := h.rest(time.Second); got != "" {
			t.Errorf("in command mode came %q", got)
		}
		h.send("exit\r")
		if got := h.until("<c>"); got != "EXIT\r\nfor later<c>" && got != "\r\nEXIT\r\nfor later<c>" {
			t.Errorf("behind exit: %q", got)
		}
	})
}

// The status strings: *HELLO* to the peer, open and close strings to the host, glued.
func TestStatusStrings(t *testing.T) {
	t.Parallel()
	fake(t, Options{Running: true}, func(h *host, peer func() net.Conn) {
		h.escape()
		h.send("open 192.0.2.1 80\r")
		conn := peer()
		hello := make([]byte, 7)
		io.ReadFull(conn, hello)
		if string(hello) != "*HELLO*" {
			t.Errorf("the peer got %q", hello)
		}
		go func() {
			conn.Write([]byte("HTTP/1.1 101 \r\n\r\ndata"))
			conn.Close()
		}()
		h.until("<4.41> ")
		if got := h.until("*CLOS*"); got != "*OPEN*HTTP/1.1 101 \r\n\r\ndata*CLOS*" {
			t.Errorf("the host got %q", got)
		}
	})
}

// What the host sent leaves before the connection is closed.
func TestCloseDeliversTheRest(t *testing.T) {
	t.Parallel()
	fake(t, Options{Running: true}, func(h *host, peer func() net.Conn) {
		h.open("comm time 0", "comm size 1000")
		conn := peer()
		h.send("last words")
		h.escape()
		go h.send("close\r")
		if got, err := io.ReadAll(conn); string(got) != "last words" || err != nil {
			t.Errorf("the peer got %q, %v", got, err)
		}
		h.until("<c>")
	})
}

// What is on its way when the module ends is counted, in both directions.
func TestEndsWithFullWindows(t *testing.T) {
	t.Parallel()
	fake(t, Options{Running: true, Settings: "set uart flow 1\n"}, func(h *host, peer func() net.Conn) {
		h.open("comm size 100")
		conn := peer()
		before := h.m.Stats()
		h.hold(true)
		var back atomic.Int64
		go func() {
			conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
			n, _ := conn.Write(bytes.Repeat([]byte("y"), 20_000))
			back.Store(int64(n))
		}()
		d := h.port.(net.Conn)
		d.SetWriteDeadline(time.Now().Add(10 * time.Second))
		n, _ := d.Write(bytes.Repeat([]byte("x"), 20_000))
		h.stop()
		h.hold(false)
		s := h.m.Stats()
		if n == 0 || int(s.Unsent) != n || s.NotKnown != 0 {
			t.Errorf("%d bytes from the host, none arrived: %+v", n, s)
		}
		got := len(h.rest(time.Second))
		if back.Load() == 0 || int64(got)+int64(s.Undelivered-before.Undelivered) != back.Load() {
			t.Errorf("%d bytes from the peer, %d arrived: %+v", back.Load(), got, s)
		}
	})
}
