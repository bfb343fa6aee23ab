package children

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// A program that was started is to end when this process is killed, which can see to nothing
// then. The system does, but what it goes by is the thread that has started the program
// (PR_SET_PDEATHSIG, prctl(2)). So that is one that lasts as long as any of them.
var starter struct {
	mu    sync.Mutex
	users int
	calls chan func()
}

// startMortal is cmd.Start, and the program is killed when this process is. Whoever calls it
// calls ended once the program has, unless there is an error.
func startMortal(cmd *exec.Cmd) error {
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	starter.mu.Lock()
	defer starter.mu.Unlock()
	if starter.users++; starter.users == 1 {
		starter.calls = make(chan func())
		go func(calls chan func()) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for call := range calls {
				call()
			}
		}(starter.calls)
	}
	started := make(chan error)
	starter.calls <- func() { started <- cmd.Start() }
	err := <-started
	if err != nil {
		leaveStarter()
	}
	return err
}

// ended is the end of startMortal.
func ended() {
	starter.mu.Lock()
	defer starter.mu.Unlock()
	leaveStarter()
}

// leaveStarter is ended for who has the lock.
func leaveStarter() {
	if starter.users--; starter.users == 0 {
		close(starter.calls)
	}
}
