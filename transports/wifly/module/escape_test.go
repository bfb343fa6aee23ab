package module

import (
	"io"
	"net"
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
