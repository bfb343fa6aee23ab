package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
)

// TestTerminateFullWindow: a command that is told to end while its peer reads nothing ends
// in time, with its exit code, and says what was not sent.
func TestTerminateFullWindow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	line := strings.Repeat("x", 2000)
	recorded := new(bytes.Buffer)
	for range 20_000 {
		fmt.Fprintf(recorded, `{"data":"%s","dir":"out","conn":1}`+"\n", line)
	}
	recording := write("recording.jsonl", recorded.Bytes())
	script := write("flood.lua", []byte(`
local conn = ws76.connect(args[1])
while true do
  conn:send(("x"):rep(2000))
  ws76.sleep(0.0001)
end
`))
	for _, c := range []struct {
		name string
		args []string // URL stands for that of the peer
		said string
	}{
		{"connect", []string{"connect", "URL"}, `\d+ messages were not sent: the connection ended before`},
		{"connect, reconnecting", []string{"connect", "URL", "--reconnect"}, `\d+ messages were not sent: the connection ended before`},
		{"bridge", []string{"bridge", "stdio:", "URL"}, `FROM: \d+ messages to TO were dropped`},
		{"bridge with a buffer", []string{"bridge", "stdio:", "URL", "--buffer", "100"}, `\d+ not sent`},
		{"replay", []string{"replay", recording, "URL", "--speed", "max"}, `\d+ messages were not sent`},
		{"run", []string{"run", script, "URL"}, `\d+ messages were not sent`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			hold := make(chan struct{})
			defer close(hold)
			url := peerHeld(t, hold)
			path, err := exec.LookPath("ws76")
			if err != nil {
				t.Fatal(err)
			}
			var args []string
			for _, a := range c.args {
				args = append(args, strings.Replace(a, "URL", url, 1))
			}
			cmd := exec.Command(path, append(args, "--close-timeout", "300ms")...)
			stderr := new(bytes.Buffer)
			cmd.Stdout, cmd.Stderr = io.Discard, stderr
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			go func() {
				for {
					if _, err := io.WriteString(in, line+"\n"); err != nil {
						return
					}
				}
			}()
			awaitFull(t, strings.TrimSuffix(strings.TrimPrefix(url, "ws://"), "/"))
			cmd.Process.Signal(syscall.SIGTERM)
			wantExit(t, cmd, stderr, app.ExitTerminate)
			if !regexp.MustCompile(c.said).Match(stderr.Bytes()) {
				t.Errorf("want %q in\n%s", c.said, stderr)
			}
		})
	}
}

// awaitFull waits until nothing of what is sent to addr leaves any more.
func awaitFull(t *testing.T, addr string) {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	fmt.Sscan(port, &n)
	to := regexp.MustCompile(fmt.Sprintf(`(?m)^ *\d+: \S+ 0100007F:%04X 01 (\w+):`, n))
	queued, since := "", time.Now()
	for ends := time.Now().Add(bound); time.Since(since) < 300*time.Millisecond; time.Sleep(10 * time.Millisecond) {
		all, err := os.ReadFile("/proc/net/tcp")
		if err != nil {
			t.Fatal(err)
		}
		now := ""
		if m := to.FindSubmatch(all); m != nil {
			now = string(m[1])
		}
		if now != queued || strings.Trim(now, "0") == "" {
			queued, since = now, time.Now()
		}
		if time.Now().After(ends) {
			t.Fatalf("the window is not full after %v", bound)
		}
	}
}
