package children

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A stray has left its process group, and who started it has ended. Since this process is a subreaper (prctl(2)), it
// comes here then, and not to init. Which child it is of says a variable of its environment; one that has cleared that
// ends with this process, unless that has nothing contained.

const markName = "WS76_CHILD"

// free is what the mark of a program begins with that is not contained.
const free = "free-"

// watch is over the strays while there is anything that runs, or lives on.
var watch struct {
	subreaper      sync.Once
	contains, lets atomic.Bool // there was something contained, something that was not
	mu             sync.Mutex
	running        int
	stop           chan struct{} // nil: nobody watches
	stopped        chan struct{}
}

// watched marks what cmd starts, and lets what strays come here.
func (p *Process) watched() {
	watch.subreaper.Do(func() { unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) })
	if p.mark = rand.Text(); p.contained {
		watch.contains.Store(true)
	} else {
		p.mark = free + p.mark
		watch.lets.Store(true)
	}
	p.cmd.Env = append(p.cmd.Environ(), markName+"="+p.mark)
	watch.mu.Lock()
	defer watch.mu.Unlock()
	watch.running++
	if watch.stop == nil {
		watch.stop, watch.stopped = make(chan struct{}), make(chan struct{})
		go reap(watch.stop, watch.stopped)
	}
}

// released is the end of watched.
func (p *Process) released() {
	watch.mu.Lock()
	watch.running--
	stop, stopped := watch.stop, watch.stopped
	over := endWatch()
	watch.mu.Unlock()
	if over {
		close(stop)
		<-stopped
	}
}

// endWatch reports whether nobody need watch any more, and somebody does. The caller has the lock of watch.
func endWatch() bool {
	if watch.running > 0 || watch.stop == nil {
		return false
	}
	if watch.lets.Load() {
		all.Lock()
		defer all.Unlock()
		for range 2 { // a list may miss one
			// They live on, and are to be waited for. One that has ended, or is about to be another
			// program, has no environment.
			if slices.ContainsFunc(strays(), func(pid int) bool { mark := markOf(pid); return mark == "" || strings.HasPrefix(mark, free) }) {
				return false
			}
		}
	}
	watch.stop = nil
	return true
}

// reapEvery is how often strays that have ended are looked for, at most. Who is seen twice has nobody else that waits.
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
		if len(dead) == 0 {
			watch.mu.Lock()
			over := endWatch()
			watch.mu.Unlock()
			if over { // the last that lived on
				return
			}
		}
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

// strays returns the children of this process that Start has not started. The caller has the lock of all.
func strays() (pids []int) {
	started := make(map[int]bool, len(all.of))
	for p := range all.of {
		if !p.over {
			started[p.cmd.Process.Pid] = true
		}
	}
	// A list may miss some where others end meanwhile.
	files, _ := filepath.Glob("/proc/self/task/*/children")
	for _, file := range files {
		list, _ := os.ReadFile(file)
		for field := range strings.FieldsSeq(string(list)) {
			if pid, err := strconv.Atoi(field); err == nil && !started[pid] {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// markOf is the mark in the environment of a process; "" for none.
func markOf(pid int) string {
	environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	for v := range bytes.SplitSeq(environ, []byte{0}) {
		if mark, ok := bytes.CutPrefix(v, []byte(markName+"=")); ok {
			return string(mark)
		}
	}
	return ""
}

// sweeping are those whose strays are being ended. One goroutine looks for the strays of all:
// many may end at once, and each look costs as much as there are processes.
var sweeping struct {
	sync.Mutex
	of   map[string]*sweep // by mark
	runs bool
}

// sweep is one of them.
type sweep struct {
	of    *Process
	began time.Time
	sent  map[int]syscall.Signal // what its strays were sent
	none  int                    // looks in a row that have found none
	over  chan struct{}
}

// sweepStrays ends the strays of p, and what comes here when they end.
func (p *Process) sweepStrays() { <-p.seekStrays().over }

// seekStrays begins it.
func (p *Process) seekStrays() *sweep {
	sweeping.Lock()
	defer sweeping.Unlock()
	s := sweeping.of[p.mark]
	if s != nil {
		return s
	}
	s = &sweep{of: p, began: time.Now(), over: make(chan struct{})}
	if sweeping.of == nil {
		sweeping.of = make(map[string]*sweep)
	}
	sweeping.of[p.mark] = s
	if !sweeping.runs {
		sweeping.runs = true
		go sweepAll()
	}
	return s
}

// sweepAll looks for strays until those of all are gone.
func sweepAll() {
	marks := map[int]string{} // of the strays that were there at the last look
	for {
		sweeping.Lock()
		left := sweepOnce(marks)
		if sweeping.runs = len(sweeping.of) > 0; !sweeping.runs {
			sweeping.Unlock()
			return
		}
		sweeping.Unlock()
		if left {
			time.Sleep(pollEvery)
		}
	}
}

// sweepOnce is one look, and reports whether there are strays, or will be. The caller has the lock of sweeping.
func sweepOnce(marks map[int]string) (left bool) {
	all.Lock() // nobody else waits for them, so their numbers stay theirs
	defer all.Unlock()
	found := map[*sweep]bool{}
	if !ending.Load() {
		there := map[int]bool{}
		for _, pid := range strays() {
			there[pid] = true
			if marks[pid] == "" { // it may be on its way to its program, or no stray yet
				marks[pid] = markOf(pid)
			}
			if s := sweeping.of[marks[pid]]; s != nil {
				found[s] = true
				if s.end(pid) {
					delete(marks, pid)
				}
			}
		}
		maps.DeleteFunc(marks, func(pid int, _ string) bool { return !there[pid] })
	}
	for mark, s := range sweeping.of {
		if s.none++; found[s] || !s.of.over {
			s.none, left = 0, true
		}
		if s.none >= 2 || ending.Load() || time.Since(s.began) > termFor+killFor {
			delete(sweeping.of, mark)
			close(s.over)
		}
	}
	return left
}

// end ends a stray, and reports whether it has ended.
func (s *sweep) end(pid int) bool {
	sig := syscall.SIGTERM
	if s.of.killed.Load() || time.Since(s.began) > termFor {
		sig = syscall.SIGKILL
	}
	if s.sent[pid] != sig {
		if s.sent == nil {
			s.sent = make(map[int]syscall.Signal)
		}
		s.sent[pid] = sig
		syscall.Kill(pid, sig)
	}
	reaped, _ := syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
	if reaped == pid {
		delete(s.sent, pid)
	}
	return reaped == pid
}

// killStrays kills all that are left, and reports whether there were any, but for those that may live on: of programs that
// were not contained, and have ended before they could be killed. The caller has the lock of all.
func killStrays(killed map[string]bool) (any bool) {
	spared := watch.lets.Load() && !watch.contains.Load()
	for _, pid := range strays() {
		mark := markOf(pid)
		if isZombie(pid) || strings.HasPrefix(mark, free) && !killed[mark] || mark == "" && spared {
			continue
		}
		syscall.Kill(pid, syscall.SIGKILL)
		any = true
	}
	return any
}
