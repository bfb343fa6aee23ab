package scripts

import (
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
	"github.com/ws76/ws76/scripts/luastring"
)

// task is a coroutine that the script is driven by: it runs until it waits, and
// goes on when what it waits for has come.
type task struct {
	id    int
	name  string
	st    *state
	th    *lua.LState
	fn    *lua.LFunction
	args  []lua.LValue // of fn, until it has begun
	wait  *wait        // what it waits for; nil: it runs, is ready, or has ended
	taken func(bool)   // of the wait that has ended, until it goes on

	ended   bool
	results []lua.LValue
	err     *Error
	watched bool // somebody waits for it, and is told its error

	callback bool     // what it runs are functions of timers and watches, one after the other
	ends     []func() // called at its end
	done     func(*Error)
}

// wait is one wait of one task. It ends once.
type wait struct {
	task *task
	over bool
	stop func() // takes away what would end it; may be nil
	// taken is told whether the task went on with what the wait has ended with; may be nil.
	taken func(bool)
}

// resumption is a task that is to go on with values.
type resumption struct {
	task *task
	vals []lua.LValue
}

// background is the goroutine that runs ready tasks.
type background struct {
	wake   bool // there are ready tasks
	active bool // it runs
	idle   []chan struct{}
}

// newTask makes a task that begins as soon as the call at hand is over.
func (st *state) newTask(name string, fn *lua.LFunction, args []lua.LValue) *task {
	st.lastID++
	if fn.IsG {
		fn, args = st.prelude.through, append([]lua.LValue{fn}, args...)
	}
	if name == "" {
		name = fmt.Sprintf("task %d", st.lastID)
	}
	t := &task{id: st.lastID, name: name, st: st, th: st.newThread(), fn: fn, args: args}
	st.tasks[t] = struct{}{}
	st.resumeLater(t, args)
	return t
}

// newThread makes a thread with the guard of the state. NewThread by itself makes
// a context for each, which is left out here.
func (st *state) newThread() (th *lua.LState) {
	lauxlib.WithoutContext(st.L, func() { th, _ = st.L.NewThread() })
	th.SetContext(st.guard)
	return th
}

func (st *state) resumeLater(t *task, vals []lua.LValue) {
	st.ready = append(st.ready, resumption{t, vals})
	st.script.bg.wake = true
}

// work runs ready tasks until there are none.
func (s *Script) work() {
	for {
		s.mu.Lock()
		st := s.cur
		if st == nil || !s.started || len(st.ready) == 0 {
			s.bg.active = false
			for _, idle := range s.bg.idle {
				close(idle)
			}
			s.bg.idle = nil
			s.leave()
			return
		}
		next := st.ready[0]
		st.ready[0] = resumption{}
		st.ready = st.ready[1:]
		began := time.Now()
		st.resume(next)
		s.leaveFrom(st)
		s.rest(time.Since(began))
	}
}

// longCall is what a call of a task or a timer may take before others have their turn.
const longCall = 100 * time.Millisecond

// rest lets messages have their turns after a call that took long, where there are hooks for them: as long as that, so that what
// needs several turns, as a connection does, does not wait for a call before each.
func (s *Script) rest(took time.Duration) {
	if took < longCall || s.wants.Load()&guarded == 0 {
		return
	}
	select {
	case <-time.After(min(took, s.o.Limits.Timeout)):
	case <-s.ending:
	}
}

// resume lets a task run until it waits again or ends.
func (st *state) resume(r resumption) {
	t := r.task
	if t.ended {
		return
	}
	t.take(true)
	st.current = t
	st.begin()
	how, vals, err := st.resumeThread(t.th, t.fn, r.vals)
	err = st.end(err)
	st.current = nil
	if st.lost {
		return
	}
	st.refresh()
	if t == st.main && err == nil && (!st.judged || how != lua.ResumeYield) {
		st.judged = true
		if err = st.judge(nil); err != nil {
			err = fmt.Errorf("%s: %w", st.script.name, err)
		} else {
			st.script.tellUnguarded()
		}
	}
	switch {
	case err != nil:
		t.end(nil, err)
	case how == lua.ResumeYield && t.callback && len(vals) == 1 && vals[0] == st.prelude.idle:
		t.returned()
	case how == lua.ResumeYield:
		if t.wait == nil {
			st.tasks[t] = struct{}{}
			st.resumeLater(t, nil) // it let others run
		}
	default:
		t.end(vals, nil)
	}
}

// resumeThread is LState.Resume that returns panics as errors. One that nobody
// recovers comes from a wait in a place that cannot wait.
func (st *state) resumeThread(th *lua.LState, fn *lua.LFunction, vals []lua.LValue) (how lua.ResumeState, rets []lua.LValue, err error) {
	defer func() {
		if r := recover(); r != nil {
			st.L.SetTop(0)
			st.L.G.CurrentThread = st.L
			how, err = lua.ResumeError, fmt.Errorf("waited where the interpreter cannot wait: in an iterator or a metamethod, or in a function that table.sort or string.gsub calls (%v)", r)
		}
		st.depth = 0
	}()
	how, err, rets = st.L.Resume(th, fn, vals...)
	return how, rets, err
}

// end notes that a task has ended, and wakes who waits for that.
func (t *task) end(results []lua.LValue, err error) {
	st := t.st
	t.ended, t.results = true, results
	delete(st.tasks, t)
	if err != nil {
		if exit := st.exitCause(); exit != nil {
			st.script.finish(exit)
			return
		}
		t.err = st.newError(t.name, err)
		if t.err.Traceback == "" {
			t.err.Traceback = tidyTrace(lauxlib.Traceback(t.th, 0))
		}
		switch {
		case t == st.main:
			st.script.finish(t.err)
		case !t.watched:
			st.script.report(t.err)
			if st.script.o.OnError == Exit {
				st.script.finish(t.err)
			}
		}
	}
	t.tell()
	if t.done != nil {
		t.done(t.err)
	}
}

// tell calls those who wait for the end of a task.
func (t *task) tell() {
	for _, f := range t.ends {
		f()
	}
	t.ends = nil
}

// take tells a wait that has ended whether its task goes on with the result.
func (t *task) take(goesOn bool) {
	if taken := t.taken; taken != nil {
		t.taken = nil
		taken(goesOn)
	}
}

// drop ends a task that will not go on, with its wait.
func (t *task) drop() {
	if w := t.wait; w != nil {
		w.over, t.wait = true, nil
		if w.stop != nil {
			w.stop()
		}
	}
	t.ended = true
	t.take(false)
	if t.done != nil {
		t.done(&Error{Script: t.st.script.name, In: t.name, Text: "the script was stopped"})
	}
}

// waitHere makes the running task wait; it raises an error where there is none.
// The Lua function that is called then returns yield.
func (st *state) waitHere(L *lua.LState, what string) *wait {
	if st.current == nil {
		raise(L, "%s waits, and a hook must not: put it into a task, ws76.spawn(function() … end)", what)
	}
	for th := L; th != st.L; th = th.Parent {
		if !lauxlib.CanYield(th) {
			raise(L, "%s cannot wait in a metamethod, or in a function that is called by table.sort, string.gsub, require or the like", what)
		}
	}
	t := st.current
	if t.callback {
		if _, known := st.tasks[t]; !known && len(st.tasks) >= st.script.o.Limits.MaxTasks {
			raise(L, "%s cannot wait: there are %d tasks already, which is the limit%s", what, len(st.tasks), luastring.RaisedBy(st.script.o.Limits.Names.MaxTasks))
		}
		st.tasks[t] = struct{}{}
	}
	t.wait = &wait{task: t}
	return t.wait
}

// yield ends the Lua function that has called waitHere.
func (st *state) yield(L *lua.LState) int { return L.Yield(st.prelude.token) }

// wake ends w: its task goes on with vals.
func (st *state) wake(w *wait, vals ...lua.LValue) {
	if w.over || st.closed {
		return
	}
	w.over, w.task.wait, w.task.taken = true, nil, w.taken
	if w.stop != nil {
		w.stop()
	}
	st.resumeLater(w.task, vals)
}

// wakeAfter ends w with vals once d has passed. It is to be w's last stop.
func (st *state) wakeAfter(w *wait, d time.Duration, vals ...lua.LValue) {
	t := &timer{wait: w, vals: vals, index: -1}
	st.add(t, d)
	before := w.stop
	w.stop = func() {
		st.remove(t)
		if before != nil {
			before()
		}
	}
}

// post ends w from outside, with what results returns, and reports whether it was still waited for.
func (st *state) post(w *wait, results func() []lua.LValue) bool {
	s := st.script
	if s.enter() == nil {
		return false
	}
	waited := s.cur == st && !w.over
	if waited {
		if vals := results(); !st.lost {
			st.wake(w, vals...)
		}
	}
	s.leaveFrom(st)
	return waited
}

// timedOut returns what a wait that took too long returns.
func timedOut() []lua.LValue { return []lua.LValue{lua.LNil, lua.LString("timeout")} }

// wsSleep is ws76.sleep(seconds).
func wsSleep(L *lua.LState) int {
	st := stateOf(L)
	d := checkSeconds(L, 1)
	w := st.waitHere(L, "ws76.sleep")
	st.wakeAfter(w, d)
	return st.yield(L)
}

// wsSpawn is ws76.spawn(fn, …).
func wsSpawn(L *lua.LState) int {
	st := stateOf(L)
	fn, ok := L.Get(1).(*lua.LFunction)
	if !ok {
		raise(L, "argument 1 is %s; want a function", describe(L.Get(1)))
	}
	if len(st.tasks) >= st.script.o.Limits.MaxTasks {
		raise(L, "there are %d tasks already, which is the limit%s", len(st.tasks), luastring.RaisedBy(st.script.o.Limits.Names.MaxTasks))
	}
	var args []lua.LValue
	for i := 2; i <= L.GetTop(); i++ {
		args = append(args, L.Get(i))
	}
	t := st.newTask("", fn, args)
	L.Push(st.object(t, taskObject))
	return 1
}

func checkTask(L *lua.LState, v lua.LValue) *task {
	return checkObject[*task](L, v, "a task of ws76.spawn")
}

// taskCancel is task:cancel(): it does not go on from where it waits.
func taskCancel(L *lua.LState) int {
	st := stateOf(L)
	t := checkTask(L, L.Get(1))
	if t.ended || t == st.current {
		return 0
	}
	t.drop()
	t.err = &Error{Script: st.script.name, In: t.name, Text: "cancelled"}
	delete(st.tasks, t)
	t.tell()
	return 0
}

// taskStatus is task:status(): "running", "waiting", "done" or "failed".
func taskStatus(L *lua.LState) int {
	t := checkTask(L, L.Get(1))
	status := "running"
	switch {
	case t.err != nil:
		status = "failed"
	case t.ended:
		status = "done"
	case t.wait != nil:
		status = "waiting"
	}
	L.Push(lua.LString(status))
	return 1
}

// wsWaitAll is ws76.wait_all(tasks[, timeout]): the first result of each, or nil and
// the error of the first that failed.
func wsWaitAll(L *lua.LState) int {
	st := stateOf(L)
	list, ok := L.Get(1).(*lua.LTable)
	if !ok {
		raise(L, "argument 1 is %s; want a list of tasks", describe(L.Get(1)))
	}
	var tasks []*task
	left := 0
	for i := 1; i <= list.Len(); i++ {
		t := checkTask(L, list.RawGetInt(i))
		if t == st.current {
			raise(L, "a task cannot wait for its own end")
		}
		t.watched = true
		tasks = append(tasks, t)
		if !t.ended {
			left++
		}
	}
	if left == 0 {
		vals := st.resultsOf(tasks)
		for _, v := range vals {
			L.Push(v)
		}
		return len(vals)
	}
	w := st.waitHere(L, "ws76.wait_all")
	for _, t := range tasks {
		if t.ended {
			continue
		}
		t.ends = append(t.ends, func() {
			if left--; left == 0 {
				st.wake(w, st.resultsOf(tasks)...)
			}
		})
	}
	if L.Get(2) != lua.LNil {
		st.wakeAfter(w, checkSeconds(L, 2), timedOut()...)
	}
	return st.yield(L)
}

func (st *state) resultsOf(tasks []*task) []lua.LValue {
	list := st.L.CreateTable(len(tasks), 0)
	for i, t := range tasks {
		if t.err != nil {
			return []lua.LValue{lua.LNil, lua.LString(t.err.Text)}
		}
		if len(t.results) > 0 {
			list.RawSetInt(i+1, t.results[0])
		}
	}
	return []lua.LValue{list}
}
