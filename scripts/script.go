package scripts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/rfc6455"
	"github.com/ws76/ws76/internal/textfile"
	"github.com/ws76/ws76/scripts/kv"
	"github.com/ws76/ws76/scripts/luacode"
	"github.com/ws76/ws76/scripts/lualib"
)

// Script is one script that runs. Its methods may be called from any goroutine, but not from within its own code.
type Script struct {
	name string
	path string // "" for code given as text
	code []byte // of that
	task bool   // the main chunk is a task
	o    Options
	dir  string // of path

	// wants are the events that the state has functions for, by bit. Read without
	// the lock, so that what nobody wants costs nothing.
	wants atomic.Uint32
	// down says that there is no state though the script was not stopped.
	down atomic.Bool
	// fail is the ErrorPolicy that the script itself has stated.
	fail atomic.Uint32

	ends atomic.Uint32 // see endsLater

	guarding guarding // of the version that began last; under mu

	// mu is held while Lua runs. Where a call is abandoned, the watchdog unlocks it
	// in place of the goroutine that is stuck.
	mu       sync.Mutex
	cur      *state // nil: stopped, stuck, or could not be built anew
	stuck    *state // a call of it was abandoned and has not ended
	seq      uint64 // of calls
	conns    map[uint64]*conn
	dirty    []*link // with messages that some other goroutine must hand on
	started  bool
	stopped  bool
	toldStop bool // on_stop was called for Stop
	toldWait bool // what a program whose main chunk has ended waits for was logged
	reports  reporter
	bg       background
	errs     [numEvents]int // in a row
	off      [numEvents]bool
	protos   map[string]*loaded // by path: the versions that were loaded last
	files    map[string]bool    // that are or were looked for
	exit     error              // what ended it
	unseen   UndeliveredError   // what was lost where the code could not learn of it
	exited   chan struct{}      // closed when exit is set
	ending   chan struct{}      // closed when stopped is set

	running goroutines // Add only with mu held and not stopped
	ctx     context.Context
	cancel  context.CancelFunc

	reloads reloader

	openKV func() (*kv.Store, error)
	store  *kv.Store // kept over reloads; nil: not used yet

	written lualib.Quota // of the script's own folder; under mu

	orders   []order // of later
	ordered  int     // bytes that they hold
	ordering bool    // a goroutine runs them
	output   output
	began    time.Time
}

// Load reads, compiles and runs the main chunk of a script. Nothing else runs before Start. An error is a *LoadError.
func Load(path string, o Options) (*Script, error) {
	return open(filepath.Base(path), path, nil, false, o)
}

// Eval is Load for code that is in no file.
func Eval(name, code string, o Options) (*Script, error) {
	o.Reload = false
	return open(name, "", []byte(code), false, o)
}

// LoadTask is Load for a program that Run runs: its main chunk is a task. What runs cannot be changed under way, so
// with Options.Reload a program whose files have changed ends, with ErrChanged, to be loaded again.
func LoadTask(path string, o Options) (*Script, error) {
	return open(filepath.Base(path), path, nil, true, o)
}

func open(name, path string, code []byte, task bool, o Options) (*Script, error) {
	if o.Name != "" {
		name = o.Name
	}
	o.Limits = o.Limits.withDefaults()
	if o.Clock == nil {
		o.Clock = realClock{}
	}
	s := &Script{
		name: name, path: path, code: code, task: task, o: o,
		conns: map[uint64]*conn{}, exited: make(chan struct{}), ending: make(chan struct{}), protos: map[string]*loaded{}, files: map[string]bool{},
		began: o.Clock.Now(),
	}
	if path != "" {
		s.dir = filepath.Dir(path)
	}
	if o.Changed != nil {
		s.guarding, s.o.Changed = o.Changed.guarding, nil
	}
	if o.KV != nil {
		s.o.KV = s.openStore
		s.openKV = o.KV
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.mu.Lock()
	st, err := s.build(nil)
	if err != nil {
		s.cancel()
		if err == errAbandoned { // it may be at ws76.watch still
			return nil, err
		}
		w := s.reloads.watcher
		s.mu.Unlock()
		if w != nil {
			w.Close()
		}
		return nil, err
	}
	s.install(st)
	s.mu.Unlock()
	return s, nil
}

// Name returns what the script is called in messages.
func (s *Script) Name() string { return s.name }

// source returns the compiled main chunk of the version on disk.
func (s *Script) source() (*lua.FunctionProto, error) {
	if s.path == "" {
		if known := s.protos[""]; known != nil {
			return known.proto, nil
		}
		code, err := textfile.Decode(s.code)
		if err != nil {
			return nil, &LoadError{Script: s.name, Err: err}
		}
		proto, err := luacode.Compile(code, s.name)
		if err != nil {
			return nil, &LoadError{Script: s.name, Err: err}
		}
		s.protos[""] = &loaded{proto: proto, sets: setsHooks(proto)}
		return proto, nil
	}
	proto, err := s.compileFile(s.path)
	if err != nil {
		return nil, &LoadError{Script: s.name, Err: err}
	}
	return proto, nil
}

// build makes a state of the version on disk and runs its main chunk. It carries over what is to survive of old, which
// may be nil. The caller has the lock, which is lost with the error errAbandoned.
func (s *Script) build(old *state) (*state, error) {
	main, err := s.source()
	if err != nil {
		return nil, err
	}
	st, err := s.newState()
	if err != nil {
		return nil, err
	}
	st.setsHooks = s.protos[s.path].sets
	if err := st.load(main, old); err != nil {
		if !st.lost {
			st.close()
		}
		return nil, err
	}
	return st, nil
}

// load runs the main chunk in a new state.
func (st *state) load(main *lua.FunctionProto, old *state) error {
	if old != nil {
		st.carryFrom(old)
	}
	if s := st.script; s.path != "" {
		if err := st.permit.Code(s.path, s.protos[s.path].source); err != nil {
			return &LoadError{Script: s.name, Err: err}
		}
	}
	fn := st.L.NewFunctionFromProto(main)
	if st.script.task {
		st.main = st.newTask("main", fn, nil)
		return nil
	}
	if _, err := st.run(fn); st.lost {
		return errAbandoned
	} else if err != nil {
		failed := st.newError("main chunk", err)
		return &LoadError{Script: st.script.name, Err: errors.New(failed.Text), Traceback: failed.Traceback}
	}
	if err := st.judge(main); err != nil {
		return &LoadError{Script: st.script.name, Err: fmt.Errorf("%s: %w", st.script.name, err)}
	}
	return nil
}

// install makes st the current state. The caller has the lock.
func (s *Script) install(st *state) {
	s.cur = st
	s.down.Store(false)
	s.errs, s.off = [numEvents]int{}, [numEvents]bool{}
	st.refresh()
}

// without takes the state away. What the script guards does not pass until there is another, whatever hooks the one
// before had. The caller has the lock.
func (s *Script) without() {
	s.cur = nil
	var wants uint32
	if s.policy() != Pass {
		wants = guarded
	}
	s.wants.Store(wants)
}

// Start calls on_start; timers and tasks run from here on. An error, a *LoadError, says that a script that guards
// something does not run, since it could not begin as it should: nothing passes it.
func (s *Script) Start() error {
	s.mu.Lock()
	if s.started || s.stopped || s.cur == nil {
		s.mu.Unlock()
		return nil
	}
	s.started = true
	st := s.cur
	err := s.startState()
	s.leaveFrom(st)
	if s.o.Reload {
		s.watch()
	}
	return err
}

// startState calls on_start of the current state, which is taken away where that fails and the script guards something.
// The caller has the lock.
func (s *Script) startState() error {
	st := s.cur
	_, ok := st.call(onStart, st.args())
	if st.lost {
		return nil
	}
	err := errNotStarted
	if ok {
		err = st.judge(nil)
	}
	if err != nil && s.policy() != Pass {
		s.without()
		s.down.Store(true)
		st.close()
		for _, c := range s.conns {
			c.data = nil
		}
		return &LoadError{Script: s.name, Err: fmt.Errorf("%s: %w; it guards something, and nothing may pass without it", s.name, err)}
	}
	if ok && err != nil {
		s.o.log(slog.LevelError, "%s: %v", s.name, err)
	}
	st.arm()
	for c := range st.opened {
		if w, ok := c.(*watching); ok {
			w.next()
		}
	}
	s.bg.wake = len(st.ready) > 0 || s.bg.wake
	if !s.task { // its hooks are not there yet
		s.tellUnguarded()
	}
	return nil
}

var errNotStarted = errors.New("on_start failed")

// restart is startState of a version that came later, of which an error is logged as well.
func (s *Script) restart() error {
	err := s.startState()
	if err != nil {
		s.reloads.failed = true
		s.o.log(slog.LevelError, "%v", err)
	}
	return err
}

// What a Script is told of its end: nothing; that it is near, so that a call does not wait for
// programs; and that it has begun, in which on_stop may.
const (
	endsLater = iota
	endsSoon
	endsNow
)

// Stop ends the script: on_stop is called, tasks and timers end, and connections that it has opened are closed
// properly. It returns when all of its goroutines have ended, or with the cause of ctx.
func (s *Script) Stop(ctx context.Context, reason string) error { return s.stop(ctx, reason, false) }

// stop is Stop. Who is hurried gives the connections no longer than they may take to close.
func (s *Script) stop(ctx context.Context, reason string, hurried bool) error {
	s.ends.CompareAndSwap(endsLater, endsSoon) // whoever has the lock may wait for a program
	s.mu.Lock()
	s.ends.Store(endsNow)
	if s.stopped {
		s.mu.Unlock()
		return nil
	}
	st := s.cur
	if st != nil && s.started && !s.toldStop {
		s.toldStop = true
		if st.call(onStop, lua.LString(reason)); st.lost {
			return s.stop(ctx, reason, hurried) // what the watchdog has loaded anew
		}
	}
	s.stopped = true
	close(s.ending)
	s.without()
	s.tellOmitted()
	var owned []*owned
	for _, c := range s.conns {
		if c.owned != nil {
			owned = append(owned, c.owned)
		}
	}
	if st != nil {
		st.close()
	}
	store := s.store
	s.store = nil
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.tellHidden()
	}()
	s.reloads.stop()
	if store != nil {
		defer store.Close()
	}
	for _, o := range owned {
		o.shut(rfc6455.CodeGoingAway, "")
	}
	var cut <-chan time.Time // nil: when ctx ends
	if hurried {
		timer := time.NewTimer(s.closeTimeout())
		defer timer.Stop()
		cut = timer.C
	}
	ended := make(chan struct{})
	go func() {
		s.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		s.cancel()
		return nil
	case <-cut:
	case <-ctx.Done():
	}
	// What waits now gives up: connections are cut.
	s.cancel()
	select {
	case <-ended:
		return nil
	case <-afterGrace():
		return fmt.Errorf("%s: did not stop: %w", s.name, context.Cause(ctx))
	}
}

// Run runs a script that LoadTask has loaded until all of its tasks have ended, or it calls ws76.exit (an *ExitError),
// or its main chunk fails (an *Error), or ctx ends, or with ErrChanged. Then it is stopped.
// Where its tasks have ended and messages were lost that it had sent, the error is an *UndeliveredError.
func (s *Script) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { s.ends.CompareAndSwap(endsLater, endsSoon) })()
	s.Start()
	var err error
	select {
	case <-s.exited:
		s.mu.Lock()
		err = s.exit
		s.mu.Unlock()
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if e := s.stop(grace, "done", ctx.Err() != nil); err == nil {
		err = e
	}
	if err == errDone {
		err = nil
		s.mu.Lock()
		defer s.mu.Unlock()
		if unseen := s.unseen; unseen != (UndeliveredError{}) {
			err = &unseen
		}
	}
	return err
}

// closeTimeout is how long a connection may take to close where somebody waits for the end.
func (s *Script) closeTimeout() time.Duration {
	return cmp.Or(s.o.CloseTimeout, core.DefaultCloseTimeout)
}

// ErrChanged is the end of a program of which there is a new version that compiles.
var ErrChanged = errors.New("the program has changed")

// errDone is the exit of a program that has nothing more to do.
var errDone = errors.New("done")

// finish notes why the script ends, once. The caller has the lock.
func (s *Script) finish(err error) {
	if s.exit == nil {
		s.exit = err
		close(s.exited)
		if s.o.Exit != nil && err != errDone {
			s.o.Exit(err)
		}
	}
}

// enter takes the lock and returns the current state with a call begun, or nil, without the lock, when there is none.
func (s *Script) enter() *state {
	s.mu.Lock()
	if s.cur == nil {
		s.mu.Unlock()
		return nil
	}
	return s.cur
}

// leave gives the lock back and sees to what the calls have left to do.
func (s *Script) leave() {
	if st := s.cur; s.task && st != nil && s.exit == nil && st.main.ended {
		if !st.busy() {
			s.finish(errDone)
		} else if !s.toldWait {
			s.toldWait = true
			s.o.log(slog.LevelInfo, "%s: its main chunk has ended; it goes on for %s", s.name, st.waitsFor())
		}
	}
	if len(s.dirty) > 0 || s.bg.wake {
		s.wakeUp()
	}
	s.mu.Unlock()
}

// wakeUp starts the goroutines that hand on what the script has sent and run its tasks. The caller has the lock.
func (s *Script) wakeUp() {
	for i, l := range s.dirty {
		s.dirty[i] = nil
		if !s.stopped && !l.delivering && len(l.outbox) > 0 && l.next != nil {
			l.delivering = true
			s.running.Go(l.deliver)
		}
	}
	s.dirty = s.dirty[:0]
	if s.bg.wake {
		s.bg.wake = false
		if !s.stopped && !s.bg.active {
			s.bg.active = true
			s.running.Go(s.work)
		}
	}
}

// openStore returns the store of ws76.kv. It is called by the script's code.
func (s *Script) openStore() (*kv.Store, error) {
	if s.store != nil {
		return s.store, nil
	}
	store, err := s.openKV()
	s.store = store
	return store, err
}
