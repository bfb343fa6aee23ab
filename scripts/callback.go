package scripts

import (
	"log/slog"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/permit"
	"github.com/ws76/ws76/scripts/watch"
)

// What timers and watches call is a task, so that it may wait. Few do, so the thread of one is used again for the next.

// maxIdle bounds the threads that are kept for callbacks to come.
const maxIdle = 8

// callback returns a task of a thread that calls what it is resumed with. done is called at the end; it may be nil.
func (st *state) callback(in string, done func(*Error)) *task {
	if n := len(st.idle); n > 0 {
		t := st.idle[n-1]
		st.idle = st.idle[:n-1]
		t.ended, t.name, t.done = false, in, done
		return t
	}
	return &task{name: in, st: st, th: st.newThread(), fn: st.prelude.run, callback: true, done: done}
}

// callNow runs fn until it ends or waits.
func (st *state) callNow(in string, done func(*Error), fn *lua.LFunction) {
	st.scratch[0] = fn
	st.resume(resumption{st.callback(in, done), st.scratch[:]})
}

// callSoon runs it at a turn of its own.
func (st *state) callSoon(in string, done func(*Error), fn *lua.LFunction, args ...lua.LValue) {
	t := st.callback(in, done)
	st.tasks[t] = struct{}{}
	st.resumeLater(t, append([]lua.LValue{fn}, args...))
}

// returned is the end of a callback: its thread waits for the next.
func (t *task) returned() {
	t.end(nil, nil)
	t.done = nil
	if st := t.st; len(st.idle) < maxIdle {
		st.idle = append(st.idle, t)
	}
}

// watching is a watch of files that a script has asked for. Its function is called for
// one event at a time. What comes meanwhile waits, one event a path.
type watching struct {
	st    *state
	fn    *lua.LFunction
	watch *watch.Watch

	// Guarded by the script's lock.
	paths []string // with an event that waits, the oldest first
	ops   map[string]watch.Op
	lost  int // events for which there was no room
	going bool
}

// Close ends the watch, with what waits. The caller has the lock.
func (w *watching) Close() {
	w.watch.Close()
	w.paths = nil
}

// changes takes events; it is called by the watcher.
func (w *watching) changes(events []watch.Event) {
	s := w.st.script
	var seen []watch.Event
	for _, e := range events { // a link may have led anywhere
		if _, err := w.st.permit.Path(permit.Read, e.Path, true); err == nil {
			seen = append(seen, e)
		}
	}
	s.mu.Lock()
	if !w.st.closed {
		for _, e := range seen {
			w.add(e)
		}
		w.next()
	}
	s.leave()
}

// add puts an event in line.
func (w *watching) add(e watch.Event) {
	before, waits := w.ops[e.Path]
	switch {
	case waits && before == watch.Create && e.Op == watch.Write:
		return
	case waits && e.Op == watch.Create:
		e.Op = watch.Write // it is another file now
	case !waits && len(w.paths) >= w.st.script.o.Limits.MaxTimers:
		w.lost++
		return
	case !waits:
		w.paths = append(w.paths, e.Path)
	}
	w.ops[e.Path] = e.Op
}

// next calls the function for the oldest event, unless it runs or the script has not begun.
func (w *watching) next() {
	st := w.st
	s := st.script
	if w.lost > 0 {
		s.o.log(slog.LevelError, "%s: ws76.watch: changes of %d files are lost; %d wait already, which is the limit", s.name, w.lost, len(w.paths))
		w.lost = 0
	}
	if w.going || len(w.paths) == 0 || s.cur != st || !s.started {
		return
	}
	path := w.paths[0]
	w.paths = w.paths[1:]
	event := st.L.CreateTable(0, 2)
	event.RawSetString("path", lua.LString(path))
	event.RawSetString("op", lua.LString(w.ops[path].String()))
	delete(w.ops, path)
	w.going = true
	st.callSoon("watch", w.done, w.fn, event)
}

func (w *watching) done(*Error) {
	w.going = false
	w.next()
}
