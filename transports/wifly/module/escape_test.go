package module

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// The escape is three characters with silence on both sides. All else is payload, and
// none of it is lost.
func TestEscape(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	type step struct {
		wait time.Duration
		send string
	}
	for name, c := range map[string]struct {
		steps   []step
		command bool
		payload string
	}{
		"escape":              {[]step{{300 * ms, "$$$"}}, true, ""},
		"in pieces":           {[]step{{300 * ms, "$"}, {100 * ms, "$"}, {100 * ms, "$"}}, true, ""},
		"no silence before":   {[]step{{300 * ms, "x"}, {200 * ms, "$$$"}}, false, "x$$$"},
		"silence just enough": {[]step{{300 * ms, "x"}, {guard + ms, "$$$"}}, true, "x"},
		"no silence behind":   {[]step{{300 * ms, "$$$"}, {200 * ms, "x"}}, false, "$$$x"},
		"glued":               {[]step{{300 * ms, "$$$x"}}, false, "$$$x"},
		"four":                {[]step{{300 * ms, "$$$$"}}, false, "$$$$"},
		"two":                 {[]step{{300 * ms, "$$"}, {300 * ms, "x"}}, false, "$$x"},
		"two, then three":     {[]step{{300 * ms, "$$"}, {300 * ms, "$$$"}}, true, "$$"},
		"inside":              {[]step{{300 * ms, "a$$$b"}}, false, "a$$$b"},
		"once more":           {[]step{{300 * ms, "$$$x"}, {300 * ms, "$$$"}}, true, "$$$x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake(t, Options{Running: true}, func(h *host, peer func() net.Conn) {
				h.open()
				conn := peer()
				for _, s := range c.steps {
					time.Sleep(s.wait)
					h.send(s.send)
				}
				got := make([]byte, len(c.payload))
				if n, err := io.ReadFull(conn, got); string(got) != c.payload {
					t.Fatalf("the peer got %q (%v), want %q", got[:n], err, c.payload)
				}
				want := ""
				if c.command {
					want = "CMD\r\n"
				}
				if got := h.rest(time.Second); got != want {
					t.Errorf("the host got %q, want %q", got, want)
				}
				conn.SetReadDeadline(time.Now().Add(time.Second))
				if n, _ := conn.Read(make([]byte, 1)); n > 0 {
					t.Error("the peer got more than was sent to it")
				}
			})
		})
	}
}

// Another escape character, also one that is no ASCII.
func TestEscapeCharacter(t *testing.T) {
	t.Parallel()
	fake(t, Options{Running: true}, func(h *host, peer func() net.Conn) {
		h.open("comm $ 0x9b")
		conn := peer()
		go io.Copy(conn, conn)
		time.Sleep(300 * time.Millisecond)
		h.send("$$$")
		h.until("$$$")
		time.Sleep(300 * time.Millisecond)
		h.send("\x9b\x9b\x9b")
		h.until("CMD\r\n")
	})
}

// A line feed behind the carriage return of a command is part of that command, at any
// pace: neither the peer of a connection that the command opened or went back to gets it,
// nor does it wake up a module that the command sent to sleep. What follows is payload,
// another line feed too.
func TestLineFeed(t *testing.T) {
	t.Parallel()
	const payload = "\nGET / HTTP/1.1\r\n\r\n"
	for _, rate := range []int{2400, 9600, 115200, 921600} {
		for cut := range len("\r\n" + payload) {
			for _, pause := range []time.Duration{0, time.Millisecond, 30 * time.Millisecond, guard, 2 * time.Second} {
				fake(t, Options{Running: true, Baud: rate, Settings: "set uart mode 2\nset comm remote 0\n"}, func(h *host, peer func() net.Conn) {
					line := func(command, behind string) {
						text := "\r\n" + behind
						at := min(cut, len(text))
						h.send(command + text[:at])
						time.Sleep(pause)
						h.send(text[at:])
					}
					expect := func(conn net.Conn) {
						t.Helper()
						got := make([]byte, len(payload))
						if n, err := io.ReadFull(conn, got); string(got) != payload {
							t.Fatalf("%d baud, cut at %d, %v: the peer got %q (%v)", rate, cut, pause, got[:n], err)
						}
					}
					h.escape()
					line("open host.example 80", "")
					conn := peer()
					h.until("*OPEN*")
					h.send(payload)
					expect(conn)
					h.escape()
					line("exit", payload)
					expect(conn)
					h.escape()
					line("sleep", "")
					conn.SetReadDeadline(time.Now().Add(time.Minute))
					if n, _ := conn.Read(make([]byte, 1)); n > 0 || strings.Contains(h.text(), "woken") {
						t.Fatalf("%d baud, cut at %d, %v: %d bytes too many\n%s", rate, cut, pause, n, h.text())
					}
				})
			}
		}
	}
}

// A connection that no command has opened gets the line feed that comes first.
func TestLineFeedFirst(t *testing.T) {
	t.Parallel()
	fake(t, Options{Running: true, Settings: "set uart mode 2\nset ip host 192.0.2.1\nset comm remote 0\n"}, func(h *host, peer func() net.Conn) {
		h.escape()
		h.send("exit\r\n")
		h.until("EXIT\r\n")
		h.send("\nx")
		got := make([]byte, 2)
		if n, err := io.ReadFull(peer(), got); string(got) != "\nx" {
			t.Fatalf("the peer got %q (%v)", got[:n], err)
		}
	})
}
