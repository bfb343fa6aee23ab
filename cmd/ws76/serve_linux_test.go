package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core"
)

// serving runs ws76 serve until the test is over and returns its address.
func serving(t *testing.T, args ...string) string {
	t.Helper()
	s := inBackground(t, nil, append([]string{"serve", "127.0.0.1:0"}, args...)...)
	for {
		if address, ok := strings.CutPrefix(s.line(t), "ws76: listening on ws://"); ok {
			return strings.TrimSuffix(address, "/")
		}
	}
}

func dialServe(t *testing.T, url string) *core.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	conn, err := core.Dial(ctx, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func metric(t *testing.T, addr, name string) uint64 {
	t.Helper()
	resp, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for scanner := bufio.NewScanner(resp.Body); scanner.Scan(); {
		if value, ok := strings.CutPrefix(scanner.Text(), name+" "); ok {
			n, err := strconv.ParseUint(value, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// stuckSubscriber only does its handshake, and then never reads.
func stuckSubscriber(t *testing.T, addr string) net.Conn {
	t.Helper()
	stuck, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	stuck.(*net.TCPConn).SetReadBuffer(4096)
	io.WriteString(stuck, strings.Replace(openingRequest, "GET /demo ", "GET /ws/lab/ro ", 1))
	if _, err := readHead(bufio.NewReaderSize(stuck, 16)); err != nil {
		t.Fatal(err)
	}
	return stuck
}

// TestServeSlowScripted: with a script in between, what a subscriber misses is
// counted when it has gone.
func TestServeSlowScripted(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "pass.lua")
	if err := os.WriteFile(script, []byte("function on_message(conn, data) return data end\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	addr := serving(t, "--host", "example.com", "--queue", "10", "--script", script)
	stuck := stuckSubscriber(t, addr)
	writer := dialServe(t, "ws+hixie76://"+addr+"/ws/lab/wo")
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	const messages = 3000
	filler := core.Message{Data: bytes.Repeat([]byte("x"), 8<<10)}
	for range messages {
		if err := writer.Send(ctx, filler); err != nil {
			t.Fatal(err)
		}
	}
	writer.Close(ctx)
	stuck.Close()
	for start := time.Now(); metric(t, addr, `ws76_dropped_total{policy="drop-oldest"}`) < messages/2; time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > bound {
			t.Fatal("what was dropped is not counted")
		}
	}
}

// TestServeSlowSubscriber: one that never reads holds up nobody; what it misses is
// counted, and by --slow close it goes.
func TestServeSlowSubscriber(t *testing.T) {
	t.Parallel()
	const messages, size = 3000, 8 << 10
	for _, policy := range []string{"drop-oldest", "drop-newest", "close"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			addr := serving(t, "--host", "example.com", "--queue", "10", "--slow", policy)
			defer stuckSubscriber(t, addr).Close()
			reader := dialServe(t, "ws+rfc6455://"+addr+"/ws/lab/ro")
			writer := dialServe(t, "ws+hixie76://"+addr+"/ws/lab/wo")
			ctx, cancel := context.WithTimeout(t.Context(), bound)
			defer cancel()
			filler := bytes.Repeat([]byte("x"), size)
			for i := range messages {
				if err := writer.Send(ctx, core.Message{Data: append(fmt.Appendf(nil, "%d ", i), filler...)}); err != nil {
					t.Fatal(err)
				}
				m, err := reader.Receive(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if number, _, _ := strings.Cut(string(m.Data), " "); number != strconv.Itoa(i) {
					t.Fatalf("message %s when %d was due", number, i)
				}
			}
			if policy != "close" {
				if n := metric(t, addr, fmt.Sprintf(`ws76_dropped_total{policy=%q}`, policy)); n < messages/2 {
					t.Errorf("%d of %d messages dropped", n, messages)
				}
				return
			}
			for start := time.Now(); metric(t, addr, `ws76_connections{dialect="hixie-76"}`) != 1; time.Sleep(10 * time.Millisecond) {
				if time.Since(start) > bound {
					t.Fatal("the stuck connection is still open")
				}
			}
		})
	}
}

// TestServeActivation: sockets that were opened before the process is there.
func TestServeActivation(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	defer file.Close()
	cmd := exec.Command("sh", "-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec ws76 serve --echo")
	cmd.ExtraFiles = []*os.File{file}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// The socket has been open all the time: no waiting for it is needed.
	conn := dialServe(t, "ws://"+l.Addr().String()+"/")
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	conn.Send(ctx, core.Message{Data: []byte("hi")})
	if m, err := conn.Receive(ctx); string(m.Data) != "hi" || err != nil {
		t.Errorf("%q, %v", m.Data, err)
	}
	conn.Close(ctx)
	cmd.Process.Signal(os.Interrupt)
	wantExit(t, cmd, &stderr, app.ExitInterrupt)
}
