//go:build unix

package exec

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ws76/ws76/internal/testenv"
	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, command string, o transports.Options) *Transport {
	t.Helper()
	tr, err := Open(&url.URL{Scheme: "exec", Opaque: command}, o)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// TestTransport reaches a socket of the suite through socat.
func TestTransport(t *testing.T) {
	testenv.Need(t, "socat", "socat")
	transporttest.Run(t, func(t *testing.T) transporttest.Setup {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		tr := open(t, "exec socat -t 0.2 - TCP:$WS76_TARGET", transports.Options{Stderr: func(line string) { t.Log(line) }})
		return transporttest.Setup{
			Dial:   func(ctx context.Context) (net.Conn, error) { return tr.Dial(ctx, l.Addr().String()) },
			Accept: l.Accept,
		}
	})
}

// start runs a shell command.
func start(t *testing.T, c Command) *Child {
	t.Helper()
	child, err := c.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { child.Kill() })
	child.SetDeadline(time.Now().Add(20 * time.Second))
	return child
}

// readLine returns the next line that a child writes.
func readLine(t *testing.T, child *Child) string {
	t.Helper()
	var line []byte
	for b := make([]byte, 1); ; {
		if _, err := child.Read(b); err != nil {
			t.Fatalf("after %q: %v", line, err)
		}
		if b[0] == '\n' {
			return string(line)
		}
		line = append(line, b[0])
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("SECRET", "of this process")
	o := transports.Options{Environ: func() []string { return []string{"GIVEN=1"} }}
	conn, err := open(t, `echo "$WS76_TARGET $WS76_TARGET_HOST $WS76_TARGET_PORT $GIVEN$SECRET$HOME"`, o).Dial(t.Context(), "[::1]:80")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got, err := io.ReadAll(conn)
	if want := "[::1]:80 ::1 80 1\n"; string(got) != want || err != nil {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	dir := t.TempDir()
	child := start(t, Command{Args: []string{"pwd"}, Dir: dir})
	if got := readLine(t, child); got != dir {
		t.Errorf("runs in %q, want %q", got, dir)
	}
}

func TestProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nprintf '%s\\n' \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	var r transports.Registry
	r.Register(Program("radio", path))
	tr, err := r.Open("radio://a b?c=#%zz", transports.Options{})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tr.Dial(t.Context(), "device:80")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got, err := io.ReadAll(conn); string(got) != "device:80\nradio://a b?c=#%zz\n" || err != nil {
		t.Errorf("its arguments are %q, %v", got, err)
	}
}

// TestStatus has a read at the end of the output say how the child ended.
func TestStatus(t *testing.T) {
	for command, want := range map[string]string{
		"exit 0":                  "",
		"exec >&-; sleep 20":      "", // goes on, but will say no more
		"exit 3":                  "exit status 3",
		"no-such-program-as-this": "command not found",
		"kill -9 $$":              "signal: killed",
	} {
		child := start(t, Command{Shell: command})
		_, err := io.ReadAll(child)
		var exit *ExitError
		if want == "" && err != nil || want != "" && (!errors.As(err, &exit) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", command, err, want)
		}
		if errors.As(err, &exit) && child.Err() != exit {
			t.Errorf("%q: Err gives %v", command, child.Err())
		}
		if _, err := child.Write([]byte("x")); want != "" && !errors.As(err, &exit) {
			t.Errorf("%q: write to a child that failed: %v", command, err)
		}
		child.Kill()
	}
	_, err := (&Command{Args: []string{"/no/such/program"}}).Start(t.Context())
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a program that is not there: %v", err)
	}
	if _, err := (&Command{}).Start(t.Context()); err == nil {
		t.Error("no command was run")
	}
	if _, err := Open(&url.URL{Scheme: "exec"}, transports.Options{}); err == nil {
		t.Error("exec: without a command was opened")
	}
}

func TestStderr(t *testing.T) {
	var mu sync.Mutex
	var lines []string
	child := start(t, Command{
		Shell:  `echo one >&2; printf 'two\r\n\nlast' >&2`,
		Stderr: Lines(func(line string) { mu.Lock(); defer mu.Unlock(); lines = append(lines, line) }),
	})
	<-child.Exited()
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"one", "two", "", "last"}; !slices.Equal(lines, want) {
		t.Errorf("standard error is %q, want %q", lines, want)
	}
}

// TestLines gives a LineWriter the same text in every split.
func TestLines(t *testing.T) {
	text := "a\nbc\r\n\n" + strings.Repeat("x", maxLine) + "\n" + strings.Repeat("y", maxLine+1) + "\nend"
	want := []string{"a", "bc", "", strings.Repeat("x", maxLine), strings.Repeat("y", maxLine), "y", "end"}
	for _, size := range []int{1, 2, 3, 1000, maxLine, len(text)} {
		var got []string
		l := Lines(func(line string) { got = append(got, line) })
		for part := range slices.Chunk([]byte(text), size) {
			if n, err := l.Write(part); n != len(part) || err != nil {
				t.Fatal(n, err)
			}
			if cap(l.rest) > 2*maxLine {
				t.Fatalf("keeps %d bytes", cap(l.rest))
			}
		}
		l.Flush()
		l.Flush()
		if !slices.Equal(got, want) {
			t.Errorf("in pieces of %d: %d lines, want %d", size, len(got), len(want))
		}
	}
}

// TestCloseIsStaged closes children that react to each stage alone.
func TestCloseIsStaged(t *testing.T) {
	var wg sync.WaitGroup
	for command, want := range map[string]string{
		"echo ready; cat; echo eof":                                      "",
		"echo ready; cat >/dev/null; dd if=/dev/zero bs=1M count=4":      "", // that nobody reads must not hold it up
		"trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done":    "exit status 7",
		"trap '' TERM; echo ready; while :; do sleep 0.1; done":          "signal: killed",
		"sleep 60 & sleep 60 & echo ready; cat; exit 5":                  "exit status 5", // leaves two in its group
		"(trap '' TERM; echo ready; sleep 60; :) & echo; read x; exit 0": "",
	} {
		wg.Go(func() {
			child := start(t, Command{Shell: command, Stderr: io.Discard})
			for readLine(t, child) != "ready" {
			}
			if err := child.Close(); err != nil {
				t.Errorf("%q: Close: %v", command, err)
			}
			if err := child.Err(); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%q: ended with %v, want %q", command, err, want)
			}
			if left := groupOf(t, child.Pid()); left != "" {
				t.Errorf("%q: left behind: %s", command, left)
			}
			if _, err := child.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
				t.Errorf("%q: write after Close: %v", command, err)
			}
		})
	}
	wg.Wait()
}

// groupOf returns what lives of a process group, and zombies of our own.
func groupOf(t *testing.T, id int) string {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	var left []string
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		_, rest, _ := bytes.Cut(text, []byte(") "))
		fields := strings.Fields(string(rest)) // state, parent, group
		if len(fields) < 3 || fields[2] != strconv.Itoa(id) {
			continue
		}
		if fields[0] != "Z" || fields[1] == strconv.Itoa(os.Getpid()) {
			left = append(left, string(text))
		}
	}
	return strings.Join(left, "; ")
}

func TestKill(t *testing.T) {
	child := start(t, Command{Shell: "trap '' TERM; echo ready; while :; do sleep 0.1; done"})
	readLine(t, child)
	read := make(chan error, 1)
	go func() {
		_, err := child.Read(make([]byte, 1))
		read <- err
	}()
	if err := child.Kill(); err != nil {
		t.Error(err)
	}
	if err := <-read; err == nil {
		t.Error("a read of a killed child gave no error")
	}
	// The number may be another's now.
	if err := child.process.Kill(); err != nil {
		t.Errorf("a signal to a group that is gone: %v", err)
	}
	if err := child.Close(); err != nil {
		t.Errorf("Close after Kill: %v", err)
	}
}
