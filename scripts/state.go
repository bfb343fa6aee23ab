package scripts

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
	"github.com/ws76/ws76/scripts/lualib"
	"github.com/ws76/ws76/scripts/luastring"
	"github.com/ws76/ws76/scripts/permit"
)

// Sizes of the stacks of a state and of each of its threads. They begin small,
// since a waiting task costs little more than them.
const (
	stackSize       = 128     // values, to begin with
	maxStackSize    = 1 << 18 // values
	stackStep       = 512     // values
	maxDepth        = 2048    // calls of Lua functions
	maxThreadsDepth = 150     // threads that resume one another
)

// state is one version of a script that runs, or ran: a Lua state and what belongs
// to it. All of it is guarded by the script's lock.
type state struct {
	script *Script
	L      *lua.LState
	guard  *guard
	dog    *watchdog
	budget luastring.Budget
	call1  uint64 // the number of the call at hand, 0 between calls

	permit   *permit.Permissions
	files    *lualib.Options
	programs lualib.Programs

	hooks     [numEvents]*lua.LFunction
	kept      uint32 // events whose hooks were to go and stay
	setsHooks bool   // a function may set one, so it is looked after each message

	late     *lauxlib.Late
	module   *lua.LTable // ws76
	argument *lua.LTable // args
	prelude  prelude
	modules  map[string]lua.LValue // that were required

	made [numObjects]*lua.LTable // metatables of objects

	timers timerHeap
	alarm  Timer     // of the clock, for the earliest of timers
	rings  time.Time // when
	missed bool      // it was late, and is put off
	seq    uint64    // of timers
	dated  bool      // some of them are to keep dates

	tasks   map[*task]struct{}
	lastID  int
	main    *task
	ready   []resumption  // tasks that go on as soon as this call is over
	current *task         // nil: a hook runs
	idle    []*task       // callbacks that have returned, for others
	scratch [1]lua.LValue // of callNow
	depth   int           // of threads

	entering bool // the next code that Go enters is what this call is

	opened map[closer]bool // that ends with the state

	exiting *ExitError // ws76.exit was called
	told    []string   // by judge
	judged  bool       // the main chunk of a program, when it first waited

	lost   bool        // a call of it was abandoned; only its goroutine looks
	given  atomic.Bool // the same, for whoever does not know
	closed bool
}

// closer is what a state has opened.
type closer interface{ Close() }

// newState makes a state with the library and no code of the script yet.
func (s *Script) newState() (*state, error) {
	st := &state{script: s, tasks: map[*task]struct{}{}, modules: map[string]lua.LValue{}, opened: map[closer]bool{}}
	st.L = lua.NewState(lua.Options{
		SkipOpenLibs: true, MinimizeStackMemory: true,
		CallStackSize: maxDepth, RegistrySize: stackSize, RegistryMaxSize: maxStackSize, RegistryGrowStep: stackStep,
	})
	st.guard = newGuard(st)
	st.dog = newWatchdog(s.o.Limits, st.guard, func() { s.abandoned(st) }, func() { s.weigh(st) }, st.holds)
	st.dog.hurried = func() bool { return s.ends.Load() == endsSoon && st.programs.Any() }
	st.budget = luastring.Budget{
		MaxString: s.o.Limits.MaxString, Memory: s.o.Limits.callMemory, Measure: st.dog.measure, Collect: collect,
		MaxStringBy: s.o.Limits.Names.MaxString, MemoryBy: s.o.Limits.Names.MaxMemory,
	}
	st.L.SetContext(st.guard)
	lauxlib.OnPanic(st.L, &st.entering, raised)
	st.begin()
	err := st.open()
	if e := st.end(err); st.lost {
		return nil, errAbandoned
	} else if e != nil {
		st.close()
		return nil, &LoadError{Script: s.name, Err: e}
	}
	return st, nil
}

// begin begins a call. The caller has the lock.
func (st *state) begin() {
	s := st.script
	s.seq += callStep
	st.call1 = s.seq
	st.budget.Reset()
	st.dog.begin(s.seq)
}

// end ends it and returns what its error is taken for: err itself, or why it was
// interrupted. After errAbandoned the lock is lost: nothing may be touched.
func (st *state) end(err error) error {
	if st.call1 == 0 {
		return err
	}
	interrupted, abandoned := st.dog.end(st.call1)
	st.call1 = 0
	switch {
	case abandoned:
		st.lost = true
		st.script.returned(st)
		return errAbandoned
	case interrupted:
		var api *lua.ApiError
		if cause := st.guard.Err(); err == nil {
			err = cause
		} else if errors.As(err, &api) && strings.HasSuffix(errorText(api.Object), os.ErrDeadlineExceeded.Error()) {
			api.Cause = cause // for which what it waited for was given up
		}
		st.guard.reset()
	case st.exiting != nil:
		st.guard.reset()
	}
	return err
}

// exitCause returns the *ExitError of a call that ended with ws76.exit, or nil.
func (st *state) exitCause() error {
	if st.exiting == nil {
		return nil
	}
	return st.exiting
}

// errAbandoned is the error of a call whose state was given up.
var errAbandoned = errors.New("the call did not stop, and was abandoned")

// run makes one call, of fn, and returns its first result, or why it failed. After errAbandoned the lock is lost.
func (st *state) run(fn lua.LValue, args ...lua.LValue) (lua.LValue, error) {
	st.begin()
	L := st.L
	L.Push(fn)
	for _, a := range args {
		L.Push(a)
	}
	result, err := st.protected(len(args))
	return result, st.end(err)
}

// protected calls the function that is on the stack below n arguments.
func (st *state) protected(n int) (lua.LValue, error) {
	L := st.L
	st.entering = true
	if err := L.PCall(n, 1, nil); err != nil {
		L.G.CurrentThread, st.depth = L, 0
		return lua.LNil, err
	}
	return lauxlib.Pop(L), nil
}

// call calls the function for an event, if there is one, and reports its error.
// It returns the first result; ok is false after an error.
func (st *state) call(e event, args ...lua.LValue) (result lua.LValue, ok bool) {
	fn := st.hooks[e]
	if fn == nil || st.lost || st.script.off[e] {
		return lua.LNil, true
	}
	result, err := st.run(fn, args...)
	if err != nil {
		st.failed(e, err)
		return lua.LNil, false
	}
	st.script.errs[e] = 0
	st.refresh()
	return result, true
}

// maxErrors is how many errors in a row switch a hook off.
const maxErrors = 20

// failed reports an error of a hook.
func (st *state) failed(e event, err error) *Error {
	failed := st.newError(e.String(), err)
	if st.lost {
		return failed
	}
	s := st.script
	if exit := st.exitCause(); exit != nil {
		s.finish(exit)
		return failed
	}
	s.report(failed)
	// One that guards goes on: off it would let pass everything, or nothing.
	if s.errs[e]++; s.errs[e] == maxErrors && !(e.guards() && s.policy() != Pass) {
		s.off[e] = true
		s.errorOff(e)
		st.refresh()
	}
	if s.o.OnError == Exit {
		s.finish(failed)
	}
	return failed
}

// refresh looks which events the script has functions for, and what it says of failing. What is no function takes no hook's
// place, nil not that of one that guards, and what is no policy is the safest.
func (st *state) refresh() {
	globals := st.L.G.Global
	fail, err := st.stated()
	if err != nil {
		fail = Close
	}
	if st.script.cur == st {
		st.script.fail.Store(uint32(fail))
	}
	guards := max(st.script.o.OnError, st.script.o.Fail, fail) != Pass
	var wants uint32
	for e, name := range Events {
		v := globals.RawGetString(name)
		fn, ok := v.(*lua.LFunction)
		if !ok && st.hooks[e] != nil && (lua.LVAsBool(v) || guards && event(e).guards()) {
			if fn = st.hooks[e]; !lua.LVAsBool(v) && st.kept&event(e).bit() == 0 {
				st.kept |= event(e).bit()
				st.script.o.log(slog.LevelWarn, "%s: %s guards, so that it stays: %s takes no place of it", st.script.name, name, v)
			}
		}
		st.hooks[e] = fn
		if fn != nil && !st.script.off[e] {
			wants |= event(e).bit()
		}
	}
	if st.script.cur == st && st.script.wants.Load() != wants {
		st.script.wants.Store(wants)
	}
}

// close ends all that belongs to a state. The caller has the lock.
func (st *state) close() {
	if st.closed {
		return
	}
	st.release()
	st.dog.stop()
	st.L.Close()
}

// release ends all that belongs to a state but its Lua code.
func (st *state) release() {
	st.closed = true
	st.given.Store(true)
	if st.alarm != nil {
		st.alarm.Stop()
		st.alarm = nil
	}
	st.timers = nil
	for t := range st.tasks {
		t.drop()
	}
	clear(st.tasks)
	st.ready, st.idle = nil, nil
	for _, c := range st.script.conns {
		c.forget(st)
	}
	for c := range st.opened {
		c.Close()
	}
	clear(st.opened)
	st.programs.Close()
}

// waitsFor lists, for people, what busy finds.
func (st *state) waitsFor() string {
	counts := []struct {
		what string
		n    int
	}{{"task", len(st.tasks)}, {"timer", len(st.timers)}, {"watch", 0}, {"listener", 0}, {"connection that on_message answers", 0}}
	for c := range st.opened {
		switch c.(type) {
		case *stream:
		case *watching:
			counts[2].n++
		default:
			counts[3].n++
		}
	}
	if st.hooks[onMessage] != nil {
		counts[4].n = len(st.script.conns)
	}
	var list []string
	for _, c := range counts {
		switch {
		case c.n == 1:
			list = append(list, "1 "+c.what)
		case c.n > 1:
			list = append(list, fmt.Sprintf("%d × %s", c.n, c.what))
		}
	}
	return strings.Join(list, ", ")
}

// busy reports whether a program still has something to do, or to wait for: a
// task, a timer, a watch, a listener, or a connection that its hooks answer.
func (st *state) busy() bool {
	if len(st.tasks) > 0 || len(st.timers) > 0 {
		return true
	}
	for c := range st.opened {
		if _, ok := c.(*stream); !ok {
			return true
		}
	}
	return len(st.script.conns) > 0 && st.hooks[onMessage] != nil
}

// stateOf returns the state that the code of L belongs to, and raises an error where that has been given up.
func stateOf(L *lua.LState) *state {
	st := L.Context().(*guard).state
	if st.given.Load() {
		L.RaiseError("this version of the script does not run any more")
	}
	return st
}
