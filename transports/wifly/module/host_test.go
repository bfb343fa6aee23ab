package module

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// host is the machine at the other end of the module's serial line.
type host struct {
	t    *testing.T
	port io.ReadWriteCloser
	m    *Module

	mu    sync.Mutex
	got   bytes.Buffer
	more  chan struct{} // something came
	held  chan bool     // of hold
	stop  func()        // ends the module and waits for that
	notes strings.Builder
}

// serveHost runs a module on line; port is the host's end.
func serveHost(t *testing.T, o Options, line, port io.ReadWriteCloser) *host {
	t.Helper()
	h := &host{t: t, port: port, more: make(chan struct{}, 1), held: make(chan bool)}
	note := o.Note
	o.Note = func(text string) {
		h.mu.Lock()
		fmt.Fprintln(&h.notes, text)
		h.mu.Unlock()
		if note != nil {
			note(text)
		}
	}
	m, err := New(&o)
	if err != nil {
		t.Fatal(err)
	}
	h.m = m
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	served := make(chan struct{})
	h.stop = func() { cancel(); <-served }
	running.Go(func() {
		defer close(served)
		if err := m.Serve(ctx, line); !errors.Is(err, context.Canceled) {
			t.Errorf("Serve: %v", err)
		}
	})
	running.Go(h.read)
	t.Cleanup(func() {
		cancel()
		port.Close()
		running.Wait()
		if t.Failed() {
			t.Logf("the module's notes:\n%s\nthe host got %q", h.notes.String(), h.got.String())
		}
	})
	return h
}

func (h *host) read() {
	b := make([]byte, 4096)
	for {
		n, err := h.port.Read(b)
		select {
		case <-h.held: // until it is taken back
			<-h.held
		default:
		}
		h.mu.Lock()
		h.got.Write(b[:n])
		h.mu.Unlock()
		select {
		case h.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// hold makes the host stop reading, behind the next bytes that come, and go on.
func (h *host) hold(on bool) {
	if on {
		go func() { h.held <- true }()
		time.Sleep(time.Millisecond)
		return
	}
	h.held <- false
}

func (h *host) send(text string) {
	h.t.Helper()
	if _, err := io.WriteString(h.port, text); err != nil {
		h.t.Errorf("host: %v", err)
	}
}

// until returns what came up to the end of text and forgets it.
func (h *host) until(text string) string {
	h.t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		h.mu.Lock()
		if i := bytes.Index(h.got.Bytes(), []byte(text)); i >= 0 {
			s := string(h.got.Next(i + len(text)))
			h.mu.Unlock()
			return s
		}
		h.mu.Unlock()
		select {
		case <-h.more:
		case <-timer.C:
			h.t.Fatalf("host: %q never came", text)
		}
	}
}

// rest returns what came within a time in which nothing is to be expected, or all of it.
func (h *host) rest(wait time.Duration) string {
	time.Sleep(wait)
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.got.String()
	h.got.Reset()
	return s
}

// text is what the module noted.
func (h *host) text() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.notes.String()
}

// escape enters command mode.
func (h *host) escape() {
	h.t.Helper()
	time.Sleep(guard + 50*time.Millisecond)
	h.send("$$$")
	h.until("CMD\r\n")
}

// command runs a command and returns the reply without echo and prompt.
func (h *host) command(line string) string {
	h.t.Helper()
	h.send(line + "\r")
	reply := h.until(h.m.fw.prompt)
	reply = strings.TrimPrefix(strings.TrimSuffix(reply, h.m.fw.prompt), line)
	return strings.Trim(reply, "\r\n")
}

// fake runs f with a module on a pipe, where time passes as f waits. Peer is the far
// end of connections that the host opens.
func fake(t *testing.T, o Options, f func(h *host, peer func() net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		far := make(chan net.Conn, 10)
		if o.Dial == nil {
			o.Dial = func(context.Context, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				far <- theirs
				return ours, nil
			}
		}
		if o.Lookup == nil {
			o.Lookup = func(context.Context, string) (netip.Addr, error) { return netip.MustParseAddr("192.0.2.1"), nil }
		}
		if o.Baud == 0 {
			o.Baud = 115200
		}
		line, port := net.Pipe()
		h := serveHost(t, o, line, port)
		f(h, func() net.Conn {
			conn := <-far
			t.Cleanup(func() { conn.Close() })
			return conn
		})
	})
}

// open has the host in command mode, echo off and no strings, open a connection.
func (h *host) open(settings ...string) {
	h.t.Helper()
	h.escape()
	for _, s := range append([]string{"uart mode 1", "comm remote 0", "comm open <o>", "comm close <c>"}, settings...) {
		if got := h.command("set " + s); got != "AOK" && !strings.HasSuffix(got, "AOK") {
			h.t.Fatalf("set %s: %q", s, got)
		}
	}
	h.send("open host.example 80\r")
	h.until("<o>")
}

// echoServer answers with what it gets, and takes what is sent to it.
func echoServer(t *testing.T) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				io.Copy(conn, conn)
			})
		}
	})
	t.Cleanup(func() { l.Close(); running.Wait() })
	return l.Addr().String()
}

// words is an address as open takes it.
func words(addr string) string { return strings.Replace(addr, ":", " ", 1) }
