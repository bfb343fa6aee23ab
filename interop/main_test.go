package interop

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ws76/ws76/internal/testenv"
)

// patience bounds what must happen soon: a program that starts or stops, a
// connection, one exchange.
const patience = 20 * time.Second

// binDir holds the ws76 that is tested; ws76 builds it at first use.
var binDir string

func TestMain(m *testing.M) {
	var err error
	if binDir, err = os.MkdirTemp("", "ws76-interop"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(binDir)
	os.Exit(code)
}

var build = sync.OnceValues(func() (string, error) {
	path := filepath.Join(binDir, "ws76")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	out, err := exec.Command("go", "build", "-o", path, "../cmd/ws76").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// ws76 returns the path of the program under test.
func ws76(t *testing.T) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// install makes the peer in a folder of peers ready; its script does nothing when
// it is.
func install(t *testing.T, peer string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	script := exec.CommandContext(ctx, filepath.Join("peers", peer, "install"))
	script.WaitDelay = patience
	if out, err := script.CombinedOutput(); err != nil {
		testenv.Missing(t, fmt.Sprintf("%s cannot be installed: %v\n%s", peer, err, out))
	}
}

// output runs a program to its end with text as its input.
func output(t *testing.T, text, program string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var outBuf, errBuf bytes.Buffer
	command := exec.CommandContext(ctx, program, args...)
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(text), &outBuf, &errBuf
	command.WaitDelay = patience
	err = command.Run()
	return outBuf.String(), errBuf.String(), err
}

// start runs a server until the test is over and waits for it to listen at
// every one of the ports. What it says is logged when the test fails.
func start(t *testing.T, ports []int, program string, args ...string) {
	t.Helper()
	var said lockedBuffer
	command := exec.Command(program, args...)
	command.Stdout, command.Stderr = &said, &said
	command.WaitDelay = patience
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() {
		command.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(patience):
			t.Errorf("%s does not stop after SIGTERM", filepath.Base(program))
			command.Process.Signal(syscall.SIGQUIT) // a Go program says where it hangs
			<-ended
		}
		if t.Failed() {
			t.Logf("%s %s said:\n%s", filepath.Base(program), strings.Join(args, " "), said.String())
		}
	})
	for _, port := range ports {
		for limit := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
			conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err == nil {
				conn.Close()
				break
			}
			select {
			case err := <-ended:
				ended <- err
				t.Fatalf("%s %s ended: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, said.String())
			default:
			}
			if time.Now().After(limit) {
				t.Fatalf("%s does not listen: %v", filepath.Base(program), err)
			}
		}
	}
}

// freePort returns a port of 127.0.0.1 that nothing listens on.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// lockedBuffer takes what a process writes while a test may read it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
