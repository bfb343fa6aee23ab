package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/internal/testenv"
)

// terminalRun is ws76 on a pseudo-terminal: standard input, output and error.
type terminalRun struct {
	t       *testing.T
	control *os.File
	cmd     *exec.Cmd
	closed  chan struct{} // nothing more will be shown

	mu    sync.Mutex
	shown bytes.Buffer
}

// onTerminal starts the command as a shell would: in a session of its own, with
// the terminal as its controlling one, so that ^C is a signal.
func onTerminal(t *testing.T, args ...string) *terminalRun {
	t.Helper()
	control, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		testenv.Missing(t, "no pseudo-terminal: "+err.Error())
	}
	if err := unix.IoctlSetPointerInt(int(control.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetUint32(int(control.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	path, err := exec.LookPath("ws76") // that testscript.Main put there
	if err != nil {
		t.Fatal(err)
	}
	r := &terminalRun{t: t, control: control, cmd: exec.Command(path, args...), closed: make(chan struct{})}
	r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr = tty, tty, tty
	r.cmd.Env = append(os.Environ(), "TERM=xterm", "NO_COLOR=1", "WS76_NO_HISTORY=1")
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.closed)
		b := make([]byte, 4096)
		for {
			n, err := control.Read(b)
			r.mu.Lock()
			r.shown.Write(b[:n])
			r.mu.Unlock()
			if err != nil { // EIO once nobody has the terminal open
				return
			}
		}
	}()
	t.Cleanup(func() {
		r.cmd.Process.Kill()
		<-r.closed
		control.Close()
	})
	return r
}

func (r *terminalRun) keys(text string) {
	r.t.Helper()
	if _, err := io.WriteString(r.control, text); err != nil {
		r.t.Fatal(err)
	}
}

func (r *terminalRun) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.shown.String()
}

func (r *terminalRun) await(pattern string) {
	r.t.Helper()
	re := regexp.MustCompile(pattern)
	for start := time.Now(); time.Since(start) < bound; time.Sleep(2 * time.Millisecond) {
		if re.MatchString(r.text()) {
			return
		}
	}
	r.t.Fatalf("the terminal never showed %q but\n%q", pattern, r.text())
}

// exit waits for the command and checks its exit code.
func (r *terminalRun) exit(want int) {
	r.t.Helper()
	timer := time.AfterFunc(bound, func() { r.cmd.Process.Signal(syscall.SIGQUIT) })
	defer timer.Stop()
	err := r.cmd.Wait()
	<-r.closed
	if got := exitOf(err); got != want {
		r.t.Fatalf("exit code %d, want %d; the terminal shows\n%s", got, want, r.text())
	}
}

// peerOf plays one connection on a loopback port and returns its URL.
func peerOf(t *testing.T, steps ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := play{file: t.TempDir() + "/peer", steps: steps}
	done := make(chan error, 1)
	go func() {
		stream, err := l.Accept()
		if err == nil {
			err = p.run(stream)
		}
		done <- err
	}()
	t.Cleanup(func() {
		l.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "ws://" + l.Addr().String() + "/"
}

// Lines are sent as they are typed, answers shown; ^D closes at once.
func TestTerminalEOF(t *testing.T) {
	t.Parallel()
	url := peerOf(t, "handshake", `expect "\x00one\xff"`, `send "\x00answer\xff"`, `expect "\xff\x00"`, `send "\xff\x00"`)
	r := onTerminal(t, "connect", url, "--linger", "1h")
	r.keys("one\n")
	r.await("answer\r\n")
	r.keys("\x04")
	r.exit(0)
}

// ^C closes properly.
func TestTerminalInterrupt(t *testing.T) {
	t.Parallel()
	url := peerOf(t, "handshake", `send "\x00hello\xff"`, `expect "\xff\x00"`, `send "\xff\x00"`)
	r := onTerminal(t, "connect", url, "-v")
	r.await("hello\r\n")
	r.keys("\x03")
	r.exit(130)
	r.await("ws76: closed\r\n")
}

// No escape sequence of a peer reaches a terminal, be it in a message, in a head
// that -vv shows, in the sub-protocol or in an error.
func TestTerminalEscapes(t *testing.T) {
	t.Parallel()
	for name, steps := range map[string][]string{
		"message": {"handshake", `send "\x00a\x1b[2Jb\u009bc\x07\u202e\xff\xff\x00"`, "drain"},
		"refusal": {"head", `send "HTTP/1.1 404 Not\x1b[2J\u009bFound\r\nX-Evil: \x1b]0;owned\x07\u009b31m\r\nX-\x1b[2J: 1\r\n\r\nbody\x1b[2J\u009b\r\n"`},
		"c1":      {"head", `send "HTTP/1.1 404 Not\u009bFound\r\nX-Evil: \u009b31m\r\nSec-WebSocket-Version: \u009b13\r\n\r\nbody\u009b\r\n"`},
		"garbage": {"head", `send "\x1b[2J\u009b\r\n\r\n"`},
		"fields":  {"head", `send "HTTP/1.1 101 OK\r\nUpgrade: Web\x1b[2J\u009bSocket\r\n\r\n"`, "drain"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := onTerminal(t, "connect", peerOf(t, steps...), "--no-stdin", "--on-eof", "wait", "-vvv", "--key1", "4 @1  46546xW%0l 1 5", "--key2", "12998 5 Y3 1  .P00", "--key3", "^n:ds[4U")
			r.cmd.Wait()
			<-r.closed
			if bytes.ContainsAny([]byte(r.text()), "\x1b\x07\u009b\u202e") {
				t.Errorf("on the terminal: %q", r.text())
			}
		})
	}
}

// Binary is not written to a terminal.
func TestTerminalBinary(t *testing.T) {
	t.Parallel()
	r := onTerminal(t, "connect", "ws://127.0.0.1:1/", "--out", "len32")
	r.exit(app.ExitUsage)
	r.await("not written to a terminal")
}
