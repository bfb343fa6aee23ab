// Package silence notices that nothing passes any more.
package silence

import (
	"sync"
	"time"
)

// parts is how many times a silence is looked at. It is counted in looks, not in time: a process that was stopped, or
// whose machine slept, has not listened meanwhile, and finds what came then before it calls that silence.
const parts = 8

// Watch calls a function, once, when nothing has passed for a while.
type Watch struct {
	every   time.Duration
	passed  func() uint64
	waiting func() bool
	end     func()

	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
	last    uint64
	silent  int // looks
	ending  sync.WaitGroup
}

// New returns a Watch that calls end, in a goroutine of its own, once passed has given the same number for d, counted
// to an eighth, and waiting says that nothing is there to be read. Both are called from timers and must not block.
func New(d time.Duration, passed func() uint64, waiting func() bool, end func()) *Watch {
	w := &Watch{every: max(d/parts, time.Millisecond), passed: passed, waiting: waiting, end: end, last: passed()}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(w.every, w.look)
	return w
}

func (w *Watch) look() {
	w.mu.Lock()
	if w.stopped {
		w.mu.Unlock()
		return
	}
	w.silent++
	if n := w.passed(); n != w.last {
		w.last, w.silent = n, 0
	}
	if w.silent < parts || w.waiting() {
		w.timer.Reset(w.every)
		w.mu.Unlock()
		return
	}
	w.ending.Add(1)
	w.mu.Unlock()
	defer w.ending.Done()
	w.end()
}

// Stop ends the watch. When it returns, end is not running and will not be called; so end must not call Stop.
func (w *Watch) Stop() {
	w.mu.Lock()
	w.stopped = true
	w.timer.Stop()
	w.mu.Unlock()
	w.ending.Wait()
}
