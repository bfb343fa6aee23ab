package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
)

// blockedConnect starts connect to a peer that floods, with an output that nobody reads,
// and waits until that is full.
func blockedConnect(t *testing.T, args ...string) (cmd *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	url := peerOf(t, "handshake", `endless "\x00`+strings.Repeat("x", 1000)+`\xff"`)
	path, err := exec.LookPath("ws76")
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(path, append([]string{"connect", url, "--no-stdin", "--on-eof", "wait", "--close-timeout", "200ms"}, args...)...)
	stderr = new(bytes.Buffer)
	cmd.Stderr = stderr
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	t.Cleanup(func() { r.Close() })
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	room := []unix.PollFd{{Fd: int32(w.Fd()), Events: unix.POLLOUT}}
	for ends := time.Now().Add(bound); ; time.Sleep(time.Millisecond) {
		if n, err := unix.Poll(room, 0); n == 0 && err == nil {
			return cmd, stderr
		}
		if time.Now().After(ends) {
			cmd.Process.Signal(syscall.SIGQUIT)
			t.Fatalf("the output is not full after %v: %v\n%s", bound, cmd.Wait(), stderr)
		}
	}
}

func wantExit(t *testing.T, cmd *exec.Cmd, stderr *bytes.Buffer, want int) {
	t.Helper()
	timer := time.AfterFunc(bound, func() { cmd.Process.Signal(syscall.SIGQUIT) })
	defer timer.Stop()
	if got := exitOf(cmd.Wait()); got != want {
		t.Fatalf("exit code %d, want %d\n%s", got, want, stderr)
	}
}

// Nobody reads the output: --timeout ends it all the same, and so does ^C.
func TestConnectOutputBlocked(t *testing.T) {
	t.Parallel()
	cmd, stderr := blockedConnect(t, "--timeout", "2s")
	wantExit(t, cmd, stderr, app.ExitTimeout)
}

func TestConnectOutputBlockedInterrupt(t *testing.T) {
	t.Parallel()
	cmd, stderr := blockedConnect(t)
	cmd.Process.Signal(os.Interrupt)
	wantExit(t, cmd, stderr, app.ExitInterrupt)
}

// A peer that never reads: what cannot be sent does not pile up in memory, and
// --timeout ends it.
func TestConnectPeerNeverReads(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	defer close(hold)
	url := peerHeld(t, hold)
	path, err := exec.LookPath("ws76")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "connect", url, "--timeout", "500ms", "--close-timeout", "200ms")
	cmd.Stdin = endless{}
	stderr := new(bytes.Buffer)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	peak := make(chan int64, 1)
	go func() {
		most := int64(0)
		for now := peakMemory(cmd); now > 0; now = peakMemory(cmd) {
			most = now
			time.Sleep(5 * time.Millisecond)
		}
		peak <- most
	}()
	wantExit(t, cmd, stderr, app.ExitTimeout)
	// The race detector alone takes half of that.
	if most := <-peak; most == 0 || most > 512<<10 {
		t.Errorf("%d MiB of memory", most>>10)
	}
}

// endless is lines without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = "a line of text\n"[i%15]
	}
	return len(p), nil
}
