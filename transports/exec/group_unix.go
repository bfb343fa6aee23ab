//go:build unix

package exec

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/ws76/ws76/transports/pipe"
)

// connect makes the stream of the two pipes. The function ends it and returns the
// child's standard output, which is then to be drained.
func connect(out, in *os.File, addr pipe.Addr) (net.Conn, func() *os.File) {
	conn := pipe.New(out, in, addr)
	return conn, func() *os.File {
		conn.Release()
		in.Close()
		return out
	}
}

// group is the process group of a child. Its number is that of the child, and
// must not be used once both are gone: it may be another's by then.
type group struct {
	mu   sync.Mutex
	id   int
	gone bool
}

func (g *group) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	g.id = cmd.Process.Pid
	return nil
}

func (g *group) terminate() { g.signal(syscall.SIGTERM) }

func (g *group) kill() error { return g.signal(syscall.SIGKILL) }

func (g *group) signal(sig syscall.Signal) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gone {
		return nil
	}
	err := syscall.Kill(-g.id, sig)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// sweep ends what the child has left of its group, once it has ended itself.
func (g *group) sweep() {
	if !g.endsBy(syscall.SIGTERM, KillAfter-TermAfter) {
		g.endsBy(syscall.SIGKILL, exitWait) // a zombie that nobody waits for stays
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gone = true
}

// endsBy sends sig and reports whether the group has ended d later.
func (g *group) endsBy(sig syscall.Signal, d time.Duration) bool {
	for end := time.Now().Add(d); syscall.Kill(-g.id, sig) == nil; sig = 0 {
		if time.Now().After(end) {
			return false
		}
		time.Sleep(10 * time.Millisecond)
	}
	return true
}
