package module

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestParseFaults(t *testing.T) {
	t.Parallel()
	for _, list := range []string{"", "drop=0.001,clos-after=100,dns-zero", "stale-open=[::1]:80,slow-reply=750ms", "hang-after=0", "lost-reply", "half-reply=3", "connect-failed=0.5"} {
		f, err := ParseFaults(list)
		if err != nil || f.String() != list {
			t.Errorf("%q: %q, %v", list, f.String(), err)
		}
	}
	for _, list := range []string{",", "x", "drop", "drop=2", "drop=-1", "drop=nan", "drop=inf", "clos-after=1.5", "clos-after", "clos-after=99999999999", "dns-zero=1", "slow-reply=1", "slow-reply=-1s", "stale-open=x", "stale-open=x:0", "half-reply=0", "half-reply=1.5", "no-ap,no-ap"} {
		if f, err := ParseFaults(list); err == nil {
			t.Errorf("%q gives %q, want an error", list, f.String())
		}
	}
	if kinds := FaultKinds(); len(kinds) != len(faultValues) || kinds[0] != "boot-garbage" || kinds[2] != "stale-open=HOST:PORT" {
		t.Errorf("FaultKinds: %q", kinds)
	}
}

// faulty is fake with faults.
func faulty(t *testing.T, list string, o Options, f func(h *host, peer func() net.Conn)) {
	t.Helper()
	var err error
	if o.Faults, err = ParseFaults(list); err != nil {
		t.Fatal(err)
	}
	o.Seed = 1
	t.Run(list, func(t *testing.T) {
		t.Parallel()
		fake(t, o, f)
	})
}

// Each fault does what it says.
func TestFaults(t *testing.T) {
	t.Parallel()
	running := Options{Running: true}
	faulty(t, "boot-garbage", Options{}, func(h *host, _ func() net.Conn) {
		got := h.until("*READY*\r\n")
		if i := strings.Index(got, "\r\nwifly-GSX Ver: 4.41"); i != 40 {
			t.Errorf("%q, want 40 bytes and the banner", got)
		}
	})
	faulty(t, "stale-command", Options{}, func(h *host, _ func() net.Conn) {
		h.send("get mac\r")
		h.until("Mac Addr=")
	})
	faulty(t, "stale-open=192.0.2.1:80", Options{}, func(h *host, peer func() net.Conn) {
		conn := peer()
		go conn.Write([]byte("in the middle"))
		h.until("in the middle")
	})
	faulty(t, "lost-reply=1", running, func(h *host, _ func() net.Conn) {
		time.Sleep(guard)
		h.send("$$$") // its CMD is the reply that is lost
		if got := h.rest(time.Second); got != "" {
			t.Errorf("%q", got)
		}
		h.send("set uart mode 1\r")
		h.until("AOK\r\n<4.41> ")
	})
	faulty(t, "half-reply=1", running, func(h *host, _ func() net.Conn) {
		time.Sleep(guard)
		h.send("$$$")
		if got := h.rest(time.Second); got != "CM" {
			t.Errorf("%q", got)
		}
	})
	faulty(t, "slow-reply=800ms", running, func(h *host, _ func() net.Conn) {
		h.escape()
		begin := time.Now()
		h.command("get mac")
		if d := time.Since(begin); d < 800*time.Millisecond || d > 900*time.Millisecond {
			t.Errorf("after %v", d)
		}
	})
	faulty(t, "clos-after=10", running, func(h *host, peer func() net.Conn) {
		h.open()
		conn := peer()
		go conn.Write([]byte("0123456789abcdef"))
		if got := h.until("<c>"); got != "0123456789<c>" {
			t.Errorf("%q", got)
		}
		io.Copy(io.Discard, conn) // ends: the connection is closed
	})
	faulty(t, "reboot-after=10", running, func(h *host, peer func() net.Conn) {
		h.open()
		conn := peer()
		go conn.Write([]byte("0123456789abcdef"))
		got := h.until("*READY*\r\n")
		if !strings.HasPrefix(got, "0123456789\r\nwifly-GSX") {
			t.Errorf("%q", got)
		}
		h.escape()
		if got := h.command("get comm"); !strings.Contains(got, "OPEN=*OPEN*") {
			t.Errorf("what was set outlived a reboot: %q", got)
		}
	})
	faulty(t, "assoc-lost-after=10", Options{Running: true, Settings: "set ip flags 6\n"}, func(h *host, peer func() net.Conn) {
		h.open()
		conn := peer()
		go conn.Write([]byte("0123456789abcdef"))
		if got := h.until("<c>"); got != "0123456789Disconn from roving1\r\n<c>" {
			t.Errorf("%q", got)
		}
		h.until("Associated!\r\n") // it joins again
	})
	faulty(t, "assoc-lost-after=11", running, func(h *host, peer func() net.Conn) {
		h.open("wlan join 0")
		conn := peer()
		go conn.Write([]byte("0123456789abcdef"))
		// With bit 0 of the flags the connection stays and is dead.
		if got := h.rest(time.Minute); got != "0123456789aDisconn from roving1\r\n" {
			t.Errorf("%q", got)
		}
		h.escape()
		if got := h.command("show c"); got != "80c3" {
			t.Errorf("show c: %q", got)
		}
	})
	faulty(t, "hang-after=30", running, func(h *host, _ func() net.Conn) {
		h.escape()
		h.command("set uart mode 1")
		h.send("get everything\r")
		if got := h.rest(time.Minute); got != "" {
			t.Errorf("%q", got)
		}
	})
	faulty(t, "hang-after=0", Options{}, func(h *host, _ func() net.Conn) {
		time.Sleep(guard)
		h.send("$$$")
		if got := h.rest(time.Minute); got != "" {
			t.Errorf("%q", got)
		}
	})
	for _, list := range []string{"drop=0.1", "drop-rx=0.1", "drop-tx=0.1"} {
		faulty(t, list, running, func(h *host, peer func() net.Conn) {
			h.open("comm match 0xff")
			conn := peer()
			go io.Copy(conn, conn)
			h.send(strings.Repeat("x", 1000) + "\xff")
			got := h.rest(time.Second)
			low, high := 850, 950
			if list == "drop=0.1" {
				low, high = 760, 860
			}
			if n := strings.Count(got, "x"); n < low || n > high {
				t.Errorf("%d of 1000 bytes came back", n)
			}
		})
	}
	for list, want := range map[string]string{
		"dns-zero": "Connect FAILED\r\n<4.41> ", "dns-fail": "Connect FAILED\r\n<4.41> ", "connect-failed": "Connect FAILED\r\n<4.41> ",
		"connect-silent": "", "slot-busy": "ERR:Connected!\r\n",
	} {
		faulty(t, list, running, func(h *host, _ func() net.Conn) {
			h.escape()
			h.command("set uart mode 1")
			h.command("open host.example 80")
			if got := h.rest(time.Minute); got != want {
				t.Errorf("%q, want %q", got, want)
			}
			got := h.command("lookup host.example")
			if failed := strings.HasSuffix(got, "=0.0.0.0") || strings.HasPrefix(got, "DNS:"); failed != strings.HasPrefix(list, "dns") {
				t.Errorf("lookup: %q", got)
			}
			if got := h.command("get mac"); got == "" {
				t.Error("no longer in command mode")
			}
		})
	}
	faulty(t, "connect-failed=2", running, func(h *host, peer func() net.Conn) {
		h.escape()
		for range 2 {
			h.send("open host.example 80\r")
			h.until("Connect FAILED\r\n")
		}
		h.send("open host.example 80\r")
		h.until("*OPEN*")
		peer()
	})
	faulty(t, "open-crash=1", running, func(h *host, peer func() net.Conn) {
		h.escape()
		h.command("open host.example 80")
		h.until("*READY*\r\n")
		h.escape()
		h.send("open host.example 80\r")
		h.until("*OPEN*")
		peer()
	})
	faulty(t, "auth-failed", Options{}, func(h *host, _ func() net.Conn) {
		h.until("Disconn reason=AUTH-ERR\r\n")
		h.until("Disconn reason=AUTH-ERR\r\n") // it keeps trying, in data mode too
	})
	faulty(t, "bad-config", running, func(h *host, _ func() net.Conn) {
		h.escape()
		if got := h.command("save"); !strings.HasSuffix(got, "*BAD CONFIG*") {
			t.Errorf("%q", got)
		}
	})
	faulty(t, "chatter=2s", running, func(h *host, peer func() net.Conn) {
		h.until("Auto-Assoc roving1 chan=0 mode=NONE FAILED\r\n")
		h.open()
		peer()
		if got := h.rest(10 * time.Second); got != "" {
			t.Errorf("within a connection: %q", got)
		}
	})
	faulty(t, "wrong-baud=9600", Options{Running: true, HostRate: func() int { return 115200 }}, func(h *host, _ func() net.Conn) {
		time.Sleep(guard)
		h.send("$$$")
		if got := h.rest(time.Second); strings.Contains(got, "CMD") {
			t.Errorf("%q", got)
		}
	})
}

// The same seed loses the same bytes.
func TestSeed(t *testing.T) {
	t.Parallel()
	lost := func(seed uint64) []byte {
		s := newFaultState(Faults{{Kind: Drop, N: 0.3}}, seed)
		return s.dropBytes(DropRx, []byte("abcdefghijklmnopqrstuvwxyz0123456789"))
	}
	if a, b := lost(1), lost(1); !bytes.Equal(a, b) || bytes.Equal(a, lost(2)) {
		t.Errorf("%q, %q, %q", a, b, lost(2))
	}
}
