package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
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
	listens := write("listens.lua", `local l = ws76.listen("127.0.0.1:0", function(conn)
	while true do conn:send(conn:receive()) end
end)
print("listening on ws://" .. l.addr .. "/")
while true do ws76.sleep(3600) end
`)
	const opening = "GET /echo HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: localhost\r\nOrigin: http://x\r\n\r\n"
	for name, tc := range map[string]struct {
		args         []string
		opening, say string
	}{
		"serve on loops":      {[]string{"serve", "127.0.0.1:0"}, opening, "\x00hi\xff"},
		"serve on goroutines": {[]string{"serve", "127.0.0.1:0", "-vvv"}, opening, "\x00hi\xff"},
		"bridge of WebSocket": {[]string{"bridge", "ws://127.0.0.1:0", "exec:cat"}, opening, "\x00hi\xff"},
		"bridge of streams":   {[]string{"bridge", "tcp://127.0.0.1:0", "exec:cat"}, "", "hi\n"},
		"bridges of a file": {[]string{"bridge", "--file", write("b.toml",
			"[bridge.a]\nfrom = \"tcp://127.0.0.1:0\"\nto = \"exec:cat\"\n")}, "", "hi\n"},
		"listen of a script": {[]string{"run", "--allow", "listen=127.0.0.1", listens}, opening, "\x00hi\xff"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := inBackground(t, nil, tc.args...)
			addr := ""
			for addr == "" {
				line := s.line(t)
				for _, scheme := range []string{"ws://", "tcp://"} {
					if _, rest, ok := strings.Cut(line, scheme+"127."); ok && addr == "" {
						addr = "127." + strings.TrimRight(strings.Fields(rest)[0], "/")
					}
				}
			}
			if tc.args[0] == "serve" { // which may be about to make its loops
				metric(t, addr, "ws76_channels")
			}
			setFiles(t, s.pid, 3)
			stream, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Close()
			for !strings.Contains(s.line(t), "too many open files") {
			}
			setFiles(t, s.pid, 1024)
			stream.SetDeadline(time.Now().Add(bound))
			io.WriteString(stream, tc.opening+tc.say)
			got := make([]byte, 0, 4096)
			for !strings.Contains(string(got), tc.say) {
				n, err := stream.Read(got[len(got):cap(got)])
				if got = got[:len(got)+n]; err != nil {
					t.Fatalf("%q, %v; want %q", got, err, tc.say)
				}
			}
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
		if code := command.ProcessState.ExitCode(); code != exitTransport || !strings.Contains(lines.String(), "invalid argument") {
			t.Errorf("%q: %v, %s", args, err, lines.String())
		}
	}
}
