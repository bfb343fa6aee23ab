package children

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A stray has left its process group, and who started it has ended. Since this process is
// a subreaper (prctl(2)), it comes here then, and not to init. Which child it is of says a
// variable of its environment; one that has cleared that ends with this process.

const markName = "WS76_CHILD"

// watch is over the strays while there is anything that is contained.
var watch struct {
	subreaper sync.Once
	mu        sync.Mutex
	contained int
	stop      chan struct{}
	stopped   chan struct{}
}

// contain marks what cmd starts, and lets what strays come here.
func (p *Process) contain() {
	watch.subreaper.Do(func() { unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) })
	p.mark = rand.Text()
	p.cmd.Env = append(p.cmd.Environ(), markName+"="+p.mark)
	watch.mu.Lock()
	defer watch.mu.Unlock()
	if watch.contained++; watch.contained == 1 {
		watch.stop, watch.stopped = make(chan struct{}), make(chan struct{})
		go reap(watch.stop, watch.stopped)
	}
}

// released is the end of contain.
func (p *Process) released() {
	if p.mark == "" {
		return
	}
	watch.mu.Lock()
	defer watch.mu.Unlock()
	if watch.contained--; watch.contained == 0 {
		close(watch.stop)
		<-watch.stopped
	}
}

// reapEvery is how often strays that have ended are looked for, at most. Who is seen
// twice has nobody else that waits.
const reapEvery = time.Second

// reap waits for the strays that end by themselves, until stop.
func reap(stop, stopped chan struct{}) {
	defer close(stopped)
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	defer signal.Stop(ended)
	pause := time.NewTimer(reapEvery)
	defer pause.Stop()
	seen := map[int]bool{}
	for {
		if len(seen) == 0 {
			select {
			case <-ended:
			case <-stop:
				return
			}
		}
		dead := map[int]bool{}
		all.Lock()
		for _, pid := range strays() {
			if !isZombie(pid) {
				continue
			}
			if seen[pid] {
				syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
			} else {
				dead[pid] = true
			}
		}
		all.Unlock()
		seen = dead
		pause.Reset(reapEvery)
		select {
		case <-pause.C:
		case <-stop:
			return
		}
	}
}

func isZombie(pid int) bool {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	return bytes.HasPrefix(rest, []byte("Z"))
}

// strays returns the children of this process that Start has not started. The caller has
// the lock of all.
func strays() (pids []int) {
	started := make(map[int]bool, len(all.of))
	for p := range all.of {
		started[p.cmd.Process.Pid] = true
	}
	// A list may miss some where others end meanwhile.
	files, _ := filepath.Glob("/proc/self/task/*/children")
	for _, file := range files {
		list, _ := os.ReadFile(file)
		for _, field := range strings.Fields(string(list)) {
			if pid, err := strconv.Atoi(field); err == nil && !started[pid] {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// carries reports whether a process has the mark in its environment.
func carries(pid int, mark string) bool {
	environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return bytes.Contains(environ, []byte(markName+"="+mark))
}

// sweepStrays ends the strays of p, and what comes here when they end.
func (p *Process) sweepStrays() {
	if p.mark == "" {
		return
	}
	mine := map[int]syscall.Signal{} // what they were sent
	began := time.Now()
	for none := 0; none < 2 && !ending.Load(); {
		sig := syscall.SIGTERM
		switch passed := time.Since(began); {
		case passed > termFor+killFor:
			return
		case passed > termFor:
			sig = syscall.SIGKILL
		}
		left := 0
		all.Lock() // nobody else waits for them, so their numbers stay theirs
		if ending.Load() {
			all.Unlock()
			return
		}
		for _, pid := range strays() {
			if mine[pid] == 0 && !carries(pid, p.mark) {
				continue
			}
			if mine[pid] != sig {
				syscall.Kill(pid, sig)
				mine[pid] = sig
			}
			if reaped, _ := syscall.Wait4(pid, nil, syscall.WNOHANG, nil); reaped == pid {
				delete(mine, pid)
			}
			left++
		}
		all.Unlock()
		if left > 0 {
			none = 0
			time.Sleep(pollEvery)
		} else {
			none++
		}
	}
}

// killStrays kills all that are left, and reports whether there were any. The caller has the lock of all.
func killStrays() (any bool) {
	for _, pid := range strays() {
		if !isZombie(pid) {
			syscall.Kill(pid, syscall.SIGKILL)
			any = true
		}
	}
	return any
}
