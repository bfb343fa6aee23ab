package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/internal/testenv"
)

const examplesDir = "../../scripts/examples"

// examples are the scripts of scripts/examples with what to give them. HOST and
// PORT are of a live ws76 serve --echo.
var examples = []struct {
	script string
	args   []string
	stdin  string
	code   int
	want   string // "" takes the sample of the script's header
	mask   *regexp.Regexp
}{
	{script: "request-reply.sh", args: []string{"ws://HOST:PORT/", "status"}},
	{script: "request-reply.sh", args: []string{"ws://127.0.0.1:1/", "status"}, code: app.ExitConnect, want: "nobody is there\n"},
	{script: "frame-pipe.sh", args: []string{"ping"}, stdin: "\x00on\xff\x00ping\xff\x00off\xff", want: "\x00ON\xff\x00OFF\xff\xff\x00"},
	{
		script: "handshake-by-hand.sh", args: []string{"HOST", "PORT", "hello"},
		mask: regexp.MustCompile(`(?m)^[0-9a-f]{8}  .{47}  .{16}`), // the bytes; what is left is what they are
	},
	{script: "answer-by-hand.sh", stdin: draftRequest},
	{
		script: "watch.sh", args: []string{"ws://HOST:PORT/", "temperature", "0.01s", "2"},
		mask: regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)`),
	},
}

// draftRequest is the request of section 1.2 of the draft.
const draftRequest = "GET /demo HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\nSec-WebSocket-Protocol: sample\r\nUpgrade: WebSocket\r\n" +
	"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nOrigin: http://example.com\r\n\r\n^n:ds[4U"

// TestExamples runs every script and compares what it prints with the sample in
// its header.
func TestExamples(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: the examples are for a Unix shell")
	}
	testenv.Need(t, "bash", "bash")
	address := serveEcho(t)
	host, port, _ := net.SplitHostPort(address)
	place := strings.NewReplacer("HOST", host, "PORT", port)
	seen := map[string]bool{}
	for _, e := range examples {
		seen[e.script] = true
		t.Run(e.script, func(t *testing.T) {
			path := filepath.Join(examplesDir, e.script)
			want := e.want
			if want == "" {
				want = sampleOutput(t, path)
			}
			var args []string
			for _, arg := range e.args {
				args = append(args, place.Replace(arg))
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var stdout, stderr bytes.Buffer
			command := exec.CommandContext(ctx, path, args...)
			command.Stdin, command.Stdout, command.Stderr = strings.NewReader(e.stdin), &stdout, &stderr
			err := command.Run()
			if code := command.ProcessState.ExitCode(); code != e.code {
				t.Fatalf("exit %d (%v), want %d\n%s%s", code, err, e.code, &stdout, &stderr)
			}
			got := strings.ReplaceAll(stdout.String(), "\r\n", "\n")
			if e.mask != nil {
				got, want = e.mask.ReplaceAllString(got, "-"), e.mask.ReplaceAllString(want, "-")
			}
			if strings.TrimRight(want, "\n") == "" || !strings.HasSuffix(strings.TrimRight(got, "\n"), strings.TrimRight(want, "\n")) {
				t.Errorf("printed\n%s\nwant\n%s\nit said: %s", got, want, &stderr)
			}
		})
	}
	files, err := os.ReadDir(examplesDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !seen[f.Name()] && filepath.Ext(f.Name()) != ".lua" { // those are for TestLuaExamples
			t.Errorf("%s is not run by this test", f.Name())
		}
	}
}

// sampleOutput returns what the header of a script says that it prints.
func sampleOutput(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"# Usage: ", "# Output "} {
		if !strings.Contains(string(text), "\n"+part) {
			t.Fatalf("%s: its header has no line %q", path, part)
		}
	}
	var sample strings.Builder
	_, rest, _ := strings.Cut(string(text), "\n# Output ")
	for i, line := range strings.Split(rest, "\n") {
		switch output, ok := strings.CutPrefix(line, "#   "); {
		case i == 0:
		case ok:
			sample.WriteString(output + "\n")
		case line == "#":
			sample.WriteString("\n")
		default:
			return sample.String()
		}
	}
	return sample.String()
}

// TestDraftRequest checks the sample request above against the parser.
func TestDraftRequest(t *testing.T) {
	request, n, err := hixie.ParseRequest([]byte(draftRequest))
	if err != nil || len(draftRequest)-n != 8 {
		t.Fatalf("%d bytes behind the head, %v", len(draftRequest)-n, err)
	}
	if draft, err := hixie.Detect(request.Fields); draft != hixie.Draft76 || err != nil {
		t.Errorf("%v, %v", draft, err)
	}
}

// serveEcho runs ws76 serve --echo until the test is over and returns its address.
func serveEcho(t *testing.T) string {
	t.Helper()
	s := inBackground(t, nil, "serve", "127.0.0.1:0", "--echo")
	address, ok := strings.CutPrefix(s.line(t), "ws76: listening on ws://")
	if !ok {
		t.Fatalf("serve says %q", s.said.String())
	}
	return strings.TrimSuffix(address, "/")
}

// background is a ws76 that runs until the test is over.
type background struct {
	lines chan string // that it prints
	said  strings.Builder
	pid   int
}

// inBackground starts this test's own ws76; see TestMain.
func inBackground(t *testing.T, env []string, args ...string) *background {
	t.Helper()
	return inBackgroundWith(t, env, nil, args...)
}

// inBackgroundWith hands files down, from descriptor 3 on.
func inBackgroundWith(t *testing.T, env []string, files []*os.File, args ...string) *background {
	t.Helper()
	reader, writer := io.Pipe()
	command := exec.Command("ws76", args...)
	command.Env = append(os.Environ(), env...)
	command.ExtraFiles = files
	command.Stdout, command.Stderr = writer, writer
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	b := &background{lines: make(chan string, 1000), pid: command.Process.Pid}
	go func() {
		defer close(b.lines)
		for scanner := bufio.NewScanner(reader); scanner.Scan(); {
			b.lines <- scanner.Text()
		}
	}()
	t.Cleanup(func() {
		command.Process.Signal(os.Interrupt)
		timer := time.AfterFunc(20*time.Second, func() { command.Process.Kill() })
		err := command.Wait()
		timer.Stop()
		writer.Close()
		if code := command.ProcessState.ExitCode(); code != app.ExitInterrupt {
			t.Errorf("ws76 %q: exit %d (%v), want %d", args, code, err, app.ExitInterrupt)
		}
	})
	return b
}

// line waits for the next line that is printed.
func (b *background) line(t *testing.T) string {
	t.Helper()
	select {
	case line, ok := <-b.lines:
		if !ok {
			t.Fatalf("ws76 has ended; it said %q", b.said.String())
		}
		fmt.Fprintln(&b.said, line)
		return line
	case <-time.After(20 * time.Second):
		t.Fatalf("ws76 says no more than %q", b.said.String())
	}
	return ""
}
