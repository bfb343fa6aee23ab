package scripts

import (
	"fmt"
	"log/slog"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// Go does not tell whose memory is whose. So when the process has grown by much, the
// values that a state keeps from one call to the next are counted, about as they are
// in memory.
const (
	tableSize  = 128 // of an empty one
	entrySize  = 40  // of a table
	valueSize  = 16
	threadSize = 4096
	smallText  = 64 // up to which a string is not looked up, so one that is shared counts again
)

// scale counts the memory of values, up to a limit.
type scale struct {
	sum, limit int64
	seen       map[unsafe.Pointer]struct{}
	todo       []lua.LValue // not a recursion: lists may be nested as deep as they like
}

func (w *scale) first(p unsafe.Pointer) bool {
	_, known := w.seen[p]
	if !known {
		w.seen[p] = struct{}{}
	}
	return !known
}

// add counts values, and notes what is in them.
func (w *scale) add(values ...lua.LValue) {
	for _, v := range values {
		w.sum += valueSize
		switch v := v.(type) {
		case lua.LString:
			if len(v) <= smallText || w.first(unsafe.Pointer(unsafe.StringData(string(v)))) {
				w.sum += int64(len(v))
			}
		case *lua.LTable:
			w.later(unsafe.Pointer(v), v)
		case *lua.LFunction:
			w.later(unsafe.Pointer(v), v)
		case *lua.LUserData:
			w.later(unsafe.Pointer(v), v)
		case *lua.LState:
			w.later(unsafe.Pointer(v), v)
		}
	}
}

func (w *scale) later(p unsafe.Pointer, v lua.LValue) {
	if p != nil && w.first(p) {
		w.todo = append(w.todo, v)
	}
}

// weigh counts all that can be reached from what was added, and reports whether that
// is over the limit.
func (w *scale) weigh() bool {
	for len(w.todo) > 0 && w.sum <= w.limit {
		last := len(w.todo) - 1
		v := w.todo[last]
		w.todo = w.todo[:last]
		switch v := v.(type) {
		case *lua.LTable:
			w.sum += tableSize
			w.add(v.Metatable)
			v.ForEach(func(key, value lua.LValue) {
				if w.sum <= w.limit {
					w.sum += entrySize - 2*valueSize
					w.add(key, value)
				}
			})
		case *lua.LFunction:
			w.add(v.Env)
			for _, u := range v.Upvalues {
				w.add(u.Value())
			}
		case *lua.LUserData:
			w.add(v.Metatable)
			switch of := v.Value.(type) {
			case *conn:
				w.add(of.data)
			case *queue:
				w.add(of.items...)
				for _, in := range of.putters {
					w.add(in.value)
				}
			}
		case *lua.LState:
			w.thread(v)
		}
	}
	return w.sum > w.limit
}

// thread adds what the functions that have not returned in a thread have in their
// local variables.
func (w *scale) thread(th *lua.LState) {
	w.sum += threadSize
	for level := 0; ; level++ {
		dbg, ok := th.GetStack(level)
		if !ok {
			return
		}
		fn, err := th.GetInfo("f", dbg, nil)
		if err != nil {
			return
		}
		w.add(fn)
		for n := 1; ; n++ {
			name, v := th.GetLocal(dbg, n)
			if name == "" {
				break
			}
			w.add(v)
		}
	}
}

// keeps reports whether what the script's values take is over the limit. The caller
// has the lock, and no Lua runs.
func (st *state) keeps(limit int64) bool {
	w := &scale{limit: limit, seen: map[unsafe.Pointer]struct{}{}}
	w.add(st.L.G.Global, st.L.G.Registry, st.module)
	for _, v := range st.modules {
		w.add(v)
	}
	for _, t := range st.timers {
		w.add(t.fn)
		w.add(t.vals...)
	}
	for t := range st.tasks {
		w.add(t.th, t.fn)
		w.add(t.args...)
	}
	for _, r := range st.ready {
		w.add(r.vals...)
	}
	for _, c := range st.script.conns {
		w.add(c.data)
	}
	return w.weigh()
}

// weigh sees to it that a state does not keep too much: its script is loaded anew
// without what it knew, and a program ends. It is called, from a goroutine of its own,
// when the process has grown by much while the script ran.
func (s *Script) weigh(st *state) {
	s.mu.Lock()
	defer st.dog.weighing.Store(false)
	if s.cur != st || !st.keeps(s.o.Limits.MaxMemory) {
		s.mu.Unlock()
		return
	}
	text := fmt.Sprintf("what it keeps from one call to the next takes more than the limit of %d MiB of memory", s.o.Limits.MaxMemory>>20)
	if s.task || s.o.OnError == Exit {
		s.finish(&Error{Script: s.name, In: "memory", Text: text})
		s.leave()
		return
	}
	s.o.log(slog.LevelError, "%s: %s; the script is loaded anew, without that", s.name, text)
	s.cur = nil
	st.close("memory")
	for _, c := range s.conns {
		c.data = nil
	}
	s.renew()
}
