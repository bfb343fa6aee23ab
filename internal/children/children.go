// Package children runs programs that end with what has started them.
package children

import (
	"errors"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"
)

// How long what a program has left running has after SIGTERM, and after SIGKILL.
const (
	termFor = 3 * time.Second
	killFor = time.Second
)

// pollEvery is how often it is looked whether what is no child of ours has ended.
const pollEvery = 10 * time.Millisecond

// Process is a program that was started, with all that it starts itself: its process
// group, on Windows its job, and where it is contained, on Linux, also what has left the
// group, by setsid(2) for example. Its methods may be called from any goroutine.
type Process struct {
	cmd   *exec.Cmd
	group group
	mark  string // in the environment of what is contained; "" for none
}

// all are the processes that have not been waited for.
var all struct {
	sync.Mutex
	of map[*Process]bool
}

// ending is set while all are killed: very many may wait for the lock of all then, to start
// something or to look for strays.
var ending atomic.Bool

var errEnding = errors.New("all programs are being ended")

// Start starts cmd in a group of its own. Contained is for programs that others have
// started: what they leave behind in whatever way is ended with them, where the system
// can tell; see [Process]. Whoever calls Start calls Wait. A context of cmd that is done
// kills the group.
func Start(cmd *exec.Cmd, contained bool) (*Process, error) {
	p := &Process{cmd: cmd}
	if contained {
		p.contain()
	}
	if cmd.Cancel != nil {
		cmd.Cancel = p.Kill
	}
	all.Lock() // a stray is nobody of these
	defer all.Unlock()
	err := errEnding
	if !ending.Load() {
		err = p.group.start(cmd)
	}
	if err != nil {
		p.released()
		return nil, err
	}
	if all.of == nil {
		all.of = make(map[*Process]bool)
	}
	all.of[p] = true
	return p, nil
}

// Wait waits for the program, as cmd.Wait does, and then ends what it has left.
func (p *Process) Wait() error {
	err := p.cmd.Wait()
	p.group.sweep()
	all.Lock()
	delete(all.of, p)
	all.Unlock()
	p.sweepStrays()
	p.released()
	return err
}

// Terminate asks the group to end.
func (p *Process) Terminate() { p.group.terminate() }

// Kill ends the group.
func (p *Process) Kill() error { return p.group.kill() }

// KillAll ends whatever was started and is there still, and returns when that is gone, or after a second: for who ends the
// process without waiting. What was not contained and has left its group stays.
func KillAll() {
	ending.Store(true)
	defer ending.Store(false)
	end := time.Now().Add(killFor)
	for left := killOnce(); left && time.Now().Before(end); {
		time.Sleep(pollEvery) // strays come
		if left = killOnce(); !left {
			left = killOnce() // a list of them may miss some
		}
	}
}

// killOnce kills what is there, and reports whether there was something.
func killOnce() bool {
	all.Lock()
	defer all.Unlock()
	for p := range all.of {
		p.group.kill()
	}
	return killStrays() || len(all.of) > 0
}
