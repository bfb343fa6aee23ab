package scripts

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
	"github.com/ws76/ws76/scripts/luastring"
)

// guard is the context of all Lua code of one state. The interpreter looks at
// Done before every instruction, which is how a call is interrupted.
//
// A context per call would cost more than the call. So there is one for all, whose
// Done is nil, which costs the least to look at, unless a call was interrupted.
//
// Since it is asked so often, it also is where memory is looked at, by the goroutine
// that takes it: nothing is taken meanwhile.
type guard struct {
	state *state
	left  int         // instructions until the next look at the memory
	due   atomic.Bool // or it is to be now, or the call was interrupted

	mu    sync.Mutex
	cause error
}

// interrupted is Done of a guard whose call is to end.
var interrupted = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

func newGuard(st *state) *guard { return &guard{state: st} }

func (g *guard) Deadline() (time.Time, bool) { return time.Time{}, false }
func (g *guard) Value(any) any               { return nil }

// Done is called by the goroutine that runs the state's code, and no other.
func (g *guard) Done() <-chan struct{} {
	if g.left--; g.left < 0 || g.due.Load() {
		return g.look()
	}
	return nil
}

// lookEvery is how many instructions are between two looks at the memory, some tenths of a millisecond.
const lookEvery = 8192

func (g *guard) look() <-chan struct{} {
	g.left = lookEvery
	g.due.Store(false)
	for th := g.state.L.G.CurrentThread; th != nil; th = th.Parent {
		lauxlib.ForgetTails(th)
	}
	if g.Err() == nil {
		err := g.state.dog.measure(0)
		if err == nil {
			return nil
		}
		g.interrupt(err)
	}
	g.due.Store(true) // for the next instruction
	return interrupted
}

// Room is called before the array of a table gets room for so many values, of which so many
// are between those that it has and the one that is set: see lauxlib.Growing.
func (g *guard) Room(L *lua.LState, values, between int) {
	g.state.budget.Array(L, values, between)
}

// Err is what the interpreter raises once Done is closed.
func (g *guard) Err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cause
}

// AfterFunc saves the context package a goroutine for each context that it makes
// of this one, as the interpreter does for threads. None of them outlives a call.
func (g *guard) AfterFunc(func()) (stop func() bool) { return func() bool { return true } }

// interrupt makes the Lua code that runs now end with err.
func (g *guard) interrupt(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cause == nil {
		g.cause = err
		g.due.Store(true)
		g.state.programs.Interrupt()
	}
}

// reset is called between two calls after an interrupt.
func (g *guard) reset() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cause = nil
	g.state.programs.Resume()
}

// The word that says which call runs: its number, and in the lowest bit whether the watchdog has interrupted it.
const (
	callInterrupted = 1 << iota
	callStep        // the distance of two numbers
)

// watchdog interrupts calls of one state that take too long or too much. It is a timer that runs only while there are
// calls: a tick that finds none since the last one is the last.
type watchdog struct {
	timeout   time.Duration
	maxMemory uint64
	names     LimitNames
	tick      time.Duration
	guard     *guard
	abandon   func()      // takes over from a call that does not end, with its lock
	weigh     func()      // looks what is kept between calls, and clears weighing
	blamed    func() bool // whether the state itself holds more than maxMemory, while it runs
	hurried   func() bool // whether the script is to end, and programs run that a call may wait for

	running atomic.Uint64 // the word above; 0: no Lua runs
	armed   atomic.Bool
	timer   *time.Timer
	acting  sync.Mutex // held from marking a call as interrupted until it is

	weighing atomic.Bool
	scale    *time.Timer // of weigh

	// Of the tick, which is one at a time.
	seen  uint64 // the call that the last tick found
	since time.Time
	low   uint64 // the least memory that was in use since weigh

	// Of the goroutine that makes a call.
	memory    uint64 // the least that was in use during it; 0: not looked yet
	collected uint64 // what was in use when garbage was collected for it, or when it was looked first
}

// maxTick bounds how late a limit is noticed.
const maxTick = 20 * time.Millisecond

func newWatchdog(l Limits, g *guard, abandon, weigh func(), blamed func() bool) *watchdog {
	w := &watchdog{
		timeout: l.Timeout, maxMemory: uint64(l.MaxMemory), names: l.Names, tick: min(max(l.Timeout/4, time.Millisecond), maxTick),
		guard: g, abandon: abandon, weigh: weigh, blamed: blamed,
	}
	// Made here, so that a tick never looks for it while a call sets it.
	w.timer = time.AfterFunc(time.Hour, w.look)
	w.timer.Stop()
	w.scale = time.AfterFunc(time.Hour, weigh)
	w.scale.Stop()
	return w
}

// begin notes that a call runs. The caller has the script's lock, until the call is over or abandoned.
func (w *watchdog) begin(call uint64) {
	w.memory, w.collected = 0, 0
	w.running.Store(call)
	if !w.armed.Load() && w.armed.CompareAndSwap(false, true) {
		w.timer.Reset(w.tick)
	}
}

// end notes that it does not any more, and reports whether it was interrupted or
// abandoned meanwhile. An abandoned call has lost the lock.
func (w *watchdog) end(call uint64) (interrupted, abandoned bool) {
	if w.running.CompareAndSwap(call, 0) {
		return false, false
	}
	w.acting.Lock() // the interrupt itself may still be on its way
	defer w.acting.Unlock()
	if w.running.CompareAndSwap(call|callInterrupted, 0) {
		return true, false
	}
	return false, true
}

// stop ends the ticks. The caller has the script's lock, and no call runs.
func (w *watchdog) stop() {
	w.timer.Stop()
	w.scale.Stop()
}

// look is the tick.
func (w *watchdog) look() {
	w.watchKept()
	word := w.running.Load()
	if word == 0 {
		if w.seen == 0 {
			w.armed.Store(false)
			// A call may have begun behind the Load, and have trusted this timer.
			if w.running.Load() == 0 || !w.armed.CompareAndSwap(false, true) {
				return
			}
		}
		w.seen = 0
		w.timer.Reset(w.tick)
		return
	}
	if call := word &^ callInterrupted; call != w.seen {
		w.seen, w.since = call, time.Now()
		w.guard.due.Store(true)
	} else if word == call {
		w.guard.due.Store(true)
		switch ran := time.Since(w.since); {
		case ran >= w.timeout-w.tick/2:
			w.interrupt(call, fmt.Errorf("ran longer than the limit of %v without waiting%s", w.timeout, luastring.RaisedBy(w.names.Timeout)))
		case ran >= hurriedTime && w.hurried():
			w.interrupt(call, errHurried)
		}
	} else if time.Since(w.since) >= patienceFactor*w.timeout && w.running.CompareAndSwap(word, 0) {
		w.abandon()
		return
	}
	w.timer.Reset(w.tick)
}

// hurriedTime is how long a call may take that runs when the script is to end, and that may be waiting for a program.
const hurriedTime = 100 * time.Millisecond

var errHurried = errors.New("ended with the script, as it waited for a program")

// interrupt makes a call end with err, if it runs still.
func (w *watchdog) interrupt(call uint64, err error) {
	w.acting.Lock()
	defer w.acting.Unlock()
	if w.running.CompareAndSwap(call, call|callInterrupted) {
		w.guard.interrupt(err)
	}
}

// watchKept has what is kept between calls weighed where the process has grown by half
// of what that may take. Garbage counts here, too, and may make this needless.
func (w *watchdog) watchKept() {
	now := heapInUse()
	if w.low == 0 || now < w.low {
		w.low = now
	}
	if now-w.low > w.maxMemory/2 && w.weighing.CompareAndSwap(false, true) {
		w.low = now
		w.scale.Reset(0)
	}
}

// patienceFactor is how many times its limit a call may take before its state is given up.
const patienceFactor = 5

// garbageMost is how many bytes of garbage a call may leave before it is collected, which the
// process as a whole would do later.
const garbageMost = 4 << 20

// debt is how many they may be where it holds more itself, or the process does: to collect
// takes as long as all that is in use is large.
func (w *watchdog) debt() uint64 {
	return max(garbageMost, (w.collected-w.memory)/2, w.collected/8)
}

// measure says what is wrong with the memory that the call at hand takes, which is about to
// take n bytes more. It is called by the goroutine that makes the call.
func (w *watchdog) measure(n int) error {
	now, more := heapInUse(), uint64(n)
	if w.memory == 0 {
		w.memory, w.collected = now, now
	}
	w.memory, w.collected = min(w.memory, now), min(w.collected, now)
	if now+more-w.memory <= w.maxMemory && now+more-w.collected <= w.debt() {
		return nil
	}
	runtime.GC()
	now = heapInUse()
	w.memory, w.collected = min(w.memory, now), now
	if now+more-w.memory <= w.maxMemory {
		return nil
	}
	if more <= w.maxMemory && !w.blamed() {
		w.memory = now // others have taken it
		return nil
	}
	return fmt.Errorf("took more than the limit of %d MiB of memory%s", w.maxMemory>>20, luastring.RaisedBy(w.names.MaxMemory))
}

// collect collects garbage where so many bytes would be much of it: large pieces that
// large messages leave behind would else add up.
func collect(bytes int) bool {
	const share = 16
	if uint64(bytes) < heapInUse()/share {
		return false
	}
	runtime.GC()
	return true
}

// heapInUse returns the bytes of objects on the heap, garbage included.
func heapInUse() uint64 {
	sample := [1]metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample[:])
	return sample[0].Value.Uint64()
}

var (
	_ context.Context = (*guard)(nil)
	_ lauxlib.Growing = (*guard)(nil)
)
