package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
)

// setFiles allows a process n descriptors, which is where new ones end.
func setFiles(t *testing.T, pid int, n uint64) {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = n
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		t.Fatal(err)
	}
}

// wokenAlone are the descriptors that a process waits for in several places, of which one
// is woken at a time.
func wokenAlone(t *testing.T, pid int) (alone []string) {
	t.Helper()
	infos, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range infos {
		text, _ := os.ReadFile(info) // one may have gone
		for _, m := range regexp.MustCompile(`(?m)^tfd: +(\d+) events: +([0-9a-f]+)`).FindAllStringSubmatch(string(text), -1) {
			if events, err := strconv.ParseUint(m[2], 16, 32); err != nil {
				t.Fatal(err)
			} else if events&unix.EPOLLEXCLUSIVE != 0 {
				alone = append(alone, m[1])
			}
		}
	}
	slices.Sort(alone)
	return alone
}

// TestOutOfFiles: whoever listens waits until there are descriptors again, says so
// once, and goes on.
func TestOutOfFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return name
	}
	listens := regexp.MustCompile(`://(127\.[0-9.]+:\d+|/\S+)`)
	script := write("listens.lua", `local l = ws76.listen("127.0.0.1:0", function(conn)
	while true do conn:send(conn:receive()) end
end)
print("listening on ws://" .. l.addr .. "/")
while true do ws76.sleep(3600) end
`)
	const opening = "GET /echo HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: localhost\r\nOrigin: http://x\r\n\r\n"
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := writeCerts(cert, key); err != nil {
		t.Fatal(err)
	}
	secure := []string{"--tls-cert", cert, "--tls-key", key}
	socket := func(name string) string { return "unix://" + filepath.Join(dir, name) }
	for name, tc := range map[string]struct {
		args         []string
		opening, say string
	}{
		"serve, TLS":              {append([]string{"serve", "127.0.0.1:0"}, secure...), opening, "\x00hi\xff"},
		"serve, unix":             {[]string{"serve", "--listen", socket("serve")}, opening, "\x00hi\xff"},
		"serve, unix, goroutines": {[]string{"serve", "-vvv", "--listen", socket("slow")}, opening, "\x00hi\xff"},
		"bridge of TLS":           {append([]string{"bridge", "wss://127.0.0.1:0", "exec:cat"}, secure...), opening, "\x00hi\xff"},
		"bridge of unix streams":  {[]string{"bridge", socket("streams"), "exec:cat"}, "", "hi\n"},
		"bridge, WebSocket, unix": {[]string{"bridge", "--from-via", socket("ws"), "ws://localhost", "exec:cat"}, opening, "\x00hi\xff"},
		"bridge of a descriptor":  {[]string{"bridge", "fd:3", "exec:cat"}, "", "hi\n"},
		"bridges of a file, unix": {[]string{"bridge", "--file", write("unix.toml",
			"[bridge.a]\nfrom = \""+socket("table")+"\"\nto = \"exec:cat\"\n")}, "", "hi\n"},
		"bridges of a file, WebSocket": {[]string{"bridge", "--file", write("ws.toml",
			"[bridge.a]\nfrom = \"ws://127.0.0.1:0\"\nto = \"exec:cat\"\n")}, opening, "\x00hi\xff"},
		"serve on loops":      {[]string{"serve", "127.0.0.1:0"}, opening, "\x00hi\xff"},
		"serve on goroutines": {[]string{"serve", "127.0.0.1:0", "-vvv"}, opening, "\x00hi\xff"},
		"bridge of WebSocket": {[]string{"bridge", "ws://127.0.0.1:0", "exec:cat"}, opening, "\x00hi\xff"},
		"bridge of streams":   {[]string{"bridge", "tcp://127.0.0.1:0", "exec:cat"}, "", "hi\n"},
		"bridges of a file": {[]string{"bridge", "--file", write("b.toml",
			"[bridge.a]\nfrom = \"tcp://127.0.0.1:0\"\nto = \"exec:cat\"\n")}, "", "hi\n"},
		"listen of a script": {[]string{"run", "--allow", "listen=127.0.0.1", script}, opening, "\x00hi\xff"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var inherited []*os.File
			if slices.Contains(tc.args, "fd:3") {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				own, err := l.(*net.TCPListener).File()
				if err != nil {
					t.Fatal(err)
				}
				l.Close()
				defer own.Close()
				inherited = append(inherited, own)
			}
			s := inBackgroundWith(t, []string{"GOMAXPROCS=4"}, inherited, tc.args...) // two loops
			network, addr := "tcp", ""
			for addr == "" {
				if m := listens.FindStringSubmatch(s.line(t)); m != nil {
					if addr = m[1]; strings.HasPrefix(addr, "/") {
						network = "unix"
					}
				}
			}
			dial := func() (stream net.Conn) {
				stream, err := net.Dial(network, addr)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { stream.Close() })
				stream.SetDeadline(time.Now().Add(bound))
				return stream
			}
			if tc.args[0] == "serve" { // which may be about to make its loops
				stream := dial()
				io.WriteString(stream, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
				io.Copy(io.Discard, stream)
			}
			alone := wokenAlone(t, s.pid)
			if name == "serve on loops" && len(alone) < 2 {
				t.Errorf("%v are waited for", alone)
			}
			setFiles(t, s.pid, 3)
			stream := dial()
			for !strings.Contains(s.line(t), "too many open files") {
			}
			setFiles(t, s.pid, 1024)
			if slices.Contains(tc.args, "--tls-cert") {
				stream = tls.Client(stream, &tls.Config{InsecureSkipVerify: true})
			}
			io.WriteString(stream, tc.opening+tc.say)
			got := make([]byte, 0, 4096)
			for !strings.Contains(string(got), tc.say) {
				n, err := stream.Read(got[len(got):cap(got)])
				if got = got[:len(got)+n]; err != nil {
					t.Fatalf("%q, %v; want %q", got, err, tc.say)
				}
			}
			until(t, "all wait as before", func() bool { return slices.Equal(wokenAlone(t, s.pid), alone) })
			for len(s.lines) > 0 {
				if line := s.line(t); strings.Contains(line, "too many open files") {
					t.Errorf("said once more: %s", line)
				}
			}
		})
	}
}

// TestListenerEnds: a bridge that can never accept again ends the process, also where
// there are others.
func TestListenerEnds(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "b.toml")
	if err := os.WriteFile(file, []byte("[bridge.a]\nfrom = \"tcp://127.0.0.1:0\"\nto = \"exec:cat\"\n"+
		"[bridge.b]\nfrom = \"fd:3\"\nto = \"exec:cat\"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"bridge", "fd:3", "exec:cat"}, {"bridge", "--file", file}, {"serve", "--listen", "fd:3"}} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		own, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		ctx, cancel := context.WithTimeout(t.Context(), bound)
		defer cancel()
		command := exec.CommandContext(ctx, "ws76", args...)
		command.ExtraFiles = []*os.File{own}
		said, err := command.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		var lines strings.Builder
		port := own.Fd()
		for scanner := bufio.NewScanner(said); scanner.Scan(); {
			lines.WriteString(scanner.Text() + "\n")
			if strings.Contains(scanner.Text(), l.Addr().String()) && !strings.Contains(scanner.Text(), "invalid") {
				unix.Shutdown(int(port), unix.SHUT_RDWR) // accept fails with EINVAL
			}
		}
		err = command.Wait()
		own.Close()
		if code := command.ProcessState.ExitCode(); code != app.ExitTransport || !strings.Contains(lines.String(), "invalid argument") {
			t.Errorf("%q: %v, %s", args, err, lines.String())
		}
	}
}
