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
// group, on Windows its job, and where it is contained or was killed, on Linux, also what
// has left the group, by setsid(2) for example. Its methods may be called from any goroutine.
type Process struct {
	cmd       *exec.Cmd
	group     group
	contained bool
	mark      string // in the environment of what it starts
	killed    atomic.Bool
	over      bool // its number may be another's; for who has the lock of all
}

// all are the processes that have not been waited for, or whose strays are being ended.
var all struct {
	sync.Mutex
	of map[*Process]bool
}

// ending is set while all are killed: very many may wait for the lock of all then, to start
// something or to look for strays.
var ending atomic.Bool

var errEnding = errors.New("all programs are being ended")

// Start starts cmd in a group of its own. Contained is for programs that others have started: what they leave behind in
// whatever way is ended with them, where the system can tell; see [Process]. What another leaves outside of its group
// may live on, unless it was killed. Whoever calls Start calls Wait. A context of cmd that is done kills the program.
func Start(cmd *exec.Cmd, contained bool) (*Process, error) {
	p := &Process{cmd: cmd, contained: contained}
	p.watched()
	if cmd.Cancel != nil {
		cmd.Cancel = p.Kill
	}
	if err := p.start(); err != nil {
		p.released()
		return nil, err
	}
	return p, nil
}

func (p *Process) start() error {
	all.Lock() // a stray is nobody of these
	defer all.Unlock()
	if ending.Load() {
		return errEnding
	}
	if err := p.group.start(p.cmd); err != nil {
		return err
	}
	if all.of == nil {
		all.of = make(map[*Process]bool)
	}
	all.of[p] = true
	return nil
}

// Wait waits for the program, as cmd.Wait does, and then ends what it has left.
func (p *Process) Wait() error {
	err := p.cmd.Wait()
	p.group.sweep()
	all.Lock()
	p.over = true
	all.Unlock()
	if p.contained || p.killed.Load() {
		p.sweepStrays()
	}
	all.Lock()
	delete(all.of, p)
	all.Unlock()
	p.released()
	return err
}

// Terminate asks the group to end.
func (p *Process) Terminate() { p.group.terminate() }

// Kill ends the program at once, with all that it has started, unless it has ended already.
// Wait returns when all is gone.
func (p *Process) Kill() error {
	all.Lock()
	now := !p.over && p.killed.CompareAndSwap(false, true)
	all.Unlock()
	err := p.group.kill()
	if now {
		p.seekStrays() // they may hold open what Wait waits for
	}
	return err
}

// KillAll ends whatever was started and is there still, and returns when that is gone, or after a second: for who ends the
// process without waiting. What a program that was not contained has left outside of its group, and has ended before, stays.
func KillAll() {
	ending.Store(true)
	defer ending.Store(false)
	end := time.Now().Add(killFor)
	killed := make(map[string]bool)
	for left := killOnce(killed); left && time.Now().Before(end); {
		time.Sleep(pollEvery) // strays come
		if left = killOnce(killed); !left {
			left = killOnce(killed) // a list of them may miss some
		}
	}
}

// killOnce kills what is there, and reports whether there was something. It adds the marks of what it kills.
func killOnce(killed map[string]bool) bool {
	all.Lock()
	defer all.Unlock()
	for p := range all.of {
		killed[p.mark] = true
		p.group.kill()
	}
	return killStrays(killed) || len(all.of) > 0
}
