//go:build unix

package children

import (
	"errors"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// group is the process group of a child. Its number is that of the child, and
// must not be used once both are gone: it may be another's by then.
type group struct {
	mu   sync.Mutex
	id   int
	gone bool
}

func (g *group) start(cmd *exec.Cmd) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := startMortal(cmd); err != nil {
		g.gone = true
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
	ended()
	if !g.endsBy(syscall.SIGTERM, termFor) {
		g.endsBy(syscall.SIGKILL, killFor) // a zombie that nobody waits for stays
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gone = true
}

// endsBy sends sig and reports whether the group has ended d later.
func (g *group) endsBy(sig syscall.Signal, d time.Duration) bool {
	for end := time.Now().Add(d); syscall.Kill(-g.id, sig) == nil; sig = 0 {
		syscall.Wait4(-g.id, nil, syscall.WNOHANG, nil) // those that have come to this process, see contain
		if time.Now().After(end) {
			return false
		}
		time.Sleep(pollEvery)
	}
	return true
}
