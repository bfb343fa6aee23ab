//go:build linux || darwin

package wifly

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/wifly/module"
)

func faulty(t *testing.T, list string) module.Options {
	t.Helper()
	faults, err := module.ParseFaults(list)
	if err != nil {
		t.Fatal(err)
	}
	o := fast()
	o.Faults, o.Seed = faults, 1
	for _, f := range faults {
		switch f.Kind {
		case module.NoAP, module.AuthFailed, module.DHCPFailed, module.BootGarbage:
			o.Running = false // they happen while it joins
		}
	}
	return o
}

// released fails the test if the module's port is still held by the driver.
func released(t *testing.T, tr *Transport) {
	t.Helper()
	release, ok := hold(tr.Name)
	if !ok {
		t.Error("the port is still held")
		return
	}
	release()
	port, err := tr.Config.Open(context.Background(), tr.Baud)
	if err != nil {
		t.Errorf("the port is still locked: %v", err)
		return
	}
	port.Close()
}

// TestDialFaults: what is wrong with a module is told by a typed error within a
// bound, or the driver comes through.
func TestDialFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		faults     string
		parameters string
		name       string // to dial; "" is the address of the server
		want       error  // nil: it works all the same
	}{
		{faults: "boot-garbage"},
		{faults: "stale-command"},
		{faults: "lost-reply=1"},
		{faults: "lost-reply=2"},
		{faults: "half-reply=2"},
		{faults: "lost-reply=0.05"},
		{faults: "slow-reply=900ms"},
		{faults: "chatter=50ms"},
		{faults: "open-crash=1"},
		{faults: "slot-busy=1"},
		{faults: "wrong-baud=57600", parameters: "baud=auto"},
		{faults: "wrong-baud=57600", parameters: "baud=9600", want: ErrNoAnswer},
		{faults: "open-crash", want: ErrRebooted},
		{faults: "slot-busy", want: ErrBusy},
		{faults: "dns-zero", name: "device.example", want: ErrDNS},
		{faults: "dns-fail", name: "device.example", want: ErrDNS},
		{faults: "connect-failed", want: ErrRefused},
		{faults: "connect-silent", want: ErrRefused},
		{faults: "no-ap", want: ErrNotAssociated},
		{faults: "auth-failed", want: ErrAuth},
		{faults: "dhcp-failed", want: ErrDHCP},
		{faults: "hang-after=0", want: ErrNoAnswer},
		{faults: "hang-after=100", want: ErrHung},
	} {
		t.Run(test.faults, func(t *testing.T) {
			t.Parallel()
			l := listenTCP(t)
			path, _ := emulate(t, faulty(t, test.faults))
			if test.parameters == "" {
				test.parameters = "baud=921600"
			}
			tr := transport(t, path, test.parameters)
			addr := l.Addr().String()
			if test.name != "" {
				addr = net.JoinHostPort(test.name, "80")
			}
			conn, err := tr.Dial(patient(t), addr)
			if test.want != nil {
				var dial *transports.DialError
				var e *Error
				if !errors.Is(err, test.want) || !errors.As(err, &dial) || !errors.As(err, &e) || e.Hint == "" {
					t.Errorf("%v, want %v with a hint", err, test.want)
				}
				if conn != nil {
					conn.Close()
				}
				released(t, tr)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			far, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer far.Close()
			roundTrip(t, conn, far)
			// A reply that is lost may keep Close from putting everything back, no more.
			if err := conn.Close(); err != nil && !strings.HasPrefix(test.faults, "lost-reply") {
				t.Error(err)
			}
			released(t, tr)
		})
	}
}

func roundTrip(t *testing.T, near, far net.Conn) {
	t.Helper()
	for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
		if _, err := pair[0].Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 5)
		pair[1].SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.ReadFull(pair[1], b); err != nil || string(b) != "hello" {
			t.Fatalf("%q, %v", b, err)
		}
	}
}

// A module that another program has left connected is taken over.
func TestStaleConnection(t *testing.T) {
	t.Parallel()
	old, l := listenTCP(t), listenTCP(t)
	path, _ := emulate(t, faulty(t, "stale-open="+old.Addr().String()))
	stale, err := old.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer stale.Close()
	stale.Write([]byte("what nobody waits for\r\n"))
	tr := transport(t, path, "baud=921600")
	conn, err := tr.Dial(patient(t), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	roundTrip(t, conn, far)
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	stale.SetReadDeadline(time.Now().Add(10 * time.Second))
	if rest, err := io.ReadAll(stale); err != nil || strings.Contains(string(rest), "$") {
		t.Errorf("the old connection: %q, %v", rest, err)
	}
}

// serveFrames accepts draft-76 connections and sends n messages on each.
func serveFrames(t *testing.T, n, size int) (url string) {
	l := listenTCP(t)
	done := make(chan struct{})
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			stream, err := l.Accept()
			if err != nil {
				return
			}
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			conn, err := core.Accept(ctx, stream, nil)
			if err == nil {
				for i := range n {
					text := fmt.Sprintf("%06d ", i)
					if conn.Send(ctx, core.Message{Data: []byte(text + strings.Repeat("x", size-len(text)))}) != nil {
						break
					}
				}
				conn.Receive(ctx) // until the other side is gone
				conn.Close(ctx)
			}
			cancel()
		}
	}()
	return "ws://" + l.Addr().String() + "/"
}

// TestStreamFaults: what happens to a module in the middle of a connection ends
// that with an error that says so. Whatever was received until then is right.
func TestStreamFaults(t *testing.T) {
	t.Parallel()
	const messages, size = 60, 100
	for _, test := range []struct {
		faults string
		want   error // nil: any that is not a clean end
	}{
		{faults: "clos-after=1777"},
		{faults: "assoc-lost-after=1777"},
		{faults: "reboot-after=1777", want: ErrRebooted},
		{faults: "reboot-after=1777,boot-garbage", want: ErrRebooted},
		{faults: "drop-tx=0.001"},
		{faults: "drop-tx=0.01"},
	} {
		t.Run(test.faults, func(t *testing.T) {
			t.Parallel()
			url := serveFrames(t, messages, size)
			path, _ := emulate(t, faulty(t, test.faults))
			tr := transport(t, path, "baud=921600")
			conn, err := core.Dial(patient(t), url, &core.DialOptions{Dialer: tr})
			if err != nil {
				// Bytes of the handshake may be among those that are dropped.
				if !strings.HasPrefix(test.faults, "drop") {
					t.Fatal(err)
				}
				released(t, tr)
				return
			}
			ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
			defer cancel()
			last := -1
			for last < messages-1 {
				var m core.Message
				if m, err = conn.Receive(ctx); err != nil {
					break
				}
				number, rest, _ := strings.Cut(string(m.Data), " ")
				n, bad := strconv.Atoi(number)
				whole := bad == nil && len(number) == 6 && rest == strings.Repeat("x", size-7)
				if !whole && !strings.HasPrefix(test.faults, "drop") {
					t.Fatalf("after message %d came %q", last, m.Data)
				}
				if whole && n != last+1 && !strings.HasPrefix(test.faults, "drop") {
					t.Fatalf("after message %d came %d", last, n)
				}
				last++
			}
			if test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("%d messages, then %v; want %v", last+1, err, test.want)
			}
			if err == nil && !strings.HasPrefix(test.faults, "drop") {
				t.Errorf("all %d messages came through", messages)
			}
			var closed *core.CloseError
			if errors.As(err, &closed) && closed.Clean {
				t.Errorf("%d messages, then a clean end", last+1)
			}
			closing, cancelClose := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancelClose()
			conn.Close(closing)
			released(t, tr)
		})
	}
}

// A module that stops for good: reads and writes end by their deadlines, Close says
// what is wrong.
func TestHung(t *testing.T) {
	t.Parallel()
	l := listenTCP(t)
	path, _ := emulate(t, faulty(t, "hang-after=2000"))
	tr := transport(t, path, "baud=921600")
	conn, err := tr.Dial(patient(t), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.SetWriteDeadline(time.Now().Add(2 * time.Second))
	if _, err := conn.Write(make([]byte, 2<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Write: %v", err)
	}
	conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read: %v", err)
	}
	if err := conn.Close(); !errors.Is(err, ErrHung) {
		t.Errorf("Close: %v, want %v", err, ErrHung)
	}
	released(t, tr)
}

// The module is unplugged: the far end of the pseudo-terminal closes.
func TestUnplugged(t *testing.T) {
	t.Parallel()
	l := listenTCP(t)
	pty, err := module.OpenPTY()
	if err != nil {
		t.Fatal(err)
	}
	o := fast()
	m, err := module.New(&o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.Serve(ctx, pty)
	}()
	defer func() {
		cancel()
		<-done
	}()
	tr := transport(t, pty.Path, "baud=921600")
	conn, err := tr.Dial(patient(t), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-done
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, ErrUnplugged) {
		t.Errorf("Read: %v, want %v", err, ErrUnplugged)
	}
	if _, err := conn.Write([]byte("x")); !errors.Is(err, ErrUnplugged) {
		t.Errorf("Write: %v, want %v", err, ErrUnplugged)
	}
	conn.Close()
	if release, ok := hold(tr.Name); !ok {
		t.Error("the port is still held")
	} else {
		release()
	}
}

// A second connection over the same port is refused at once, and so is one of
// another program.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	l := listenTCP(t)
	path, _ := emulate(t, fast())
	tr := transport(t, path, "baud=921600")
	conn, err := tr.Dial(patient(t), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, again := range []*Transport{tr, transport(t, path, "baud=9600")} {
		if _, err := again.Dial(patient(t), l.Addr().String()); !errors.Is(err, ErrBusy) || !strings.Contains(fmt.Sprint(err), "slot busy") {
			t.Errorf("a second Dial: %v, want %v", err, ErrBusy)
		}
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if conn, err = tr.Dial(patient(t), l.Addr().String()); err != nil {
		t.Fatalf("after Close: %v", err)
	}
	conn.Close()
}

// Dollars of the stream never bring the module into command mode.
func TestDollars(t *testing.T) {
	t.Parallel()
	dollars := []string{"$$$", "$", "$$", "$$$$", "$", "$", "$", "a$$$", "$$$"}
	got := make([]byte, len(strings.Join(dollars, "")))
	peer := func(conn net.Conn) {
		if n, err := io.ReadFull(conn, got); err != nil || string(got) != strings.Join(dollars, "") {
			t.Errorf("%q, %v; want %q", got[:n], err, dollars)
		}
	}
	simulated(t, module.Options{Settings: "set wlan ssid lab\n"}, peer, func(t *testing.T, tr *Transport, m *module.Module) {
		conn, err := tr.Dial(t.Context(), "192.0.2.1:80")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range dollars {
			time.Sleep(guard)
			if n, err := conn.Write([]byte(p)); n != len(p) || err != nil {
				t.Errorf("%q: %d, %v", p, n, err)
			}
		}
		time.Sleep(guard)
		if m.State().Command {
			t.Error("the module is in command mode")
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
}

// garbled spoils the first command that has a word in it.
type garbled struct {
	net.Conn
	word  []byte
	times int
}

func (g *garbled) Write(p []byte) (int, error) {
	if i := bytes.Index(p, g.word); i >= 0 && g.times > 0 {
		g.times--
		p = bytes.Clone(p)
		p[i] ^= 0x10
	}
	return g.Conn.Write(p)
}

// A command that the line has spoilt leaves no session with half of its settings.
func TestGarbledCommand(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"comm remote", "comm open", "ip proto"} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			l := listenTCP(t)
			path, _ := emulate(t, fast())
			tr := transport(t, path, "baud=921600")
			port := &garbled{word: []byte(word), times: 1}
			inner := tr.Open
			tr.Open = func(ctx context.Context, baud int) (conn net.Conn, err error) {
				port.Conn, err = inner(ctx, baud)
				return port, err
			}
			conn, err := tr.Dial(patient(t), l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			if port.times > 0 {
				t.Error("no such command was sent")
			}
			far, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer far.Close()
			roundTrip(t, conn, far)
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
			module, err := tr.Module(patient(t))
			if err != nil {
				t.Fatal(err)
			}
			defer module.Close()
			if text, err := module.Command(patient(t), "get comm", 0); err != nil || !strings.Contains(text, "OPEN=*OPEN*\nCLOSE=*CLOS*\nREMOTE=*HELLO*") {
				t.Errorf("afterwards get comm is %q, %v", text, err)
			}
		})
	}
}

// Bytes that are no text are told from silence.
func TestGarbage(t *testing.T) {
	t.Parallel()
	pty, err := module.OpenPTY()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for b := make([]byte, 100); ; {
			if _, err := pty.Read(b); err != nil {
				return
			}
			pty.Write([]byte("\xf8\x80\xfe\x06\xe0"))
		}
	}()
	defer func() {
		pty.Close()
		<-done
	}()
	if _, err := transport(t, pty.Path, "baud=9600").Dial(patient(t), "device.example:80"); !errors.Is(err, ErrWrongBaud) || !strings.Contains(err.Error(), "baud=auto") {
		t.Errorf("%v, want %v", err, ErrWrongBaud)
	}
}
