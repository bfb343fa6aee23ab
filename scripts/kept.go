package scripts

import (
	"fmt"
	"log/slog"
	"unsafe"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
	"github.com/ws76/ws76/scripts/luastring"
)

// Go does not tell whose memory is whose. So when the process has grown by much, the values that a state keeps from one
// call to the next are counted, about as they are in memory.
const (
	tableSize  = 128 // of an empty one
	entrySize  = 40  // of a table
	valueSize  = 16
	threadSize = 4096
	smallText  = 64 // up to which a string is not looked up, so one that is shared counts again
)

// scale counts the memory of values, up to a bound.
type scale struct {
	sum, most int64 // bytes; what is more is not counted any more
	seen      map[unsafe.Pointer]struct{}
	todo      []lua.LValue // not a recursion: lists may be nested as deep as they like

	loose []*lua.LTable           // that remember many keys which they do not have any more
	held  map[lua.LValue]struct{} // the local variables of threads
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

// weigh counts all that can be reached from what was added.
func (w *scale) weigh() {
	for len(w.todo) > 0 && w.sum <= w.most {
		last := len(w.todo) - 1
		v := w.todo[last]
		w.todo = w.todo[:last]
		switch v := v.(type) {
		case *lua.LTable:
			w.table(v)
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
			case *task:
				w.add(of.fn, of.th)
				w.add(of.args...)
				w.add(of.results...)
			case *timer:
				w.add(of.fn)
				w.add(of.vals...)
			case *watching:
				w.add(of.fn)
			}
		case *lua.LState:
			w.thread(v)
		}
	}
}

// table adds what is in a table, and the room that it has for more: the interpreter never gives
// any back, and forgets no key.
func (w *scale) table(t *lua.LTable) {
	w.sum += tableSize
	w.add(t.Metatable)
	n := 0
	t.ForEach(func(key, value lua.LValue) {
		n++
		if w.sum <= w.most {
			w.sum += entrySize - 2*valueSize
			w.add(key, value)
		}
	})
	keys := lauxlib.Keys(t)
	w.sum += int64(valueSize * max(lauxlib.Slots(t)+len(keys)-n, 0))
	before := w.sum
	for _, key := range keys {
		if w.sum > w.most {
			break
		}
		if t.RawGetH(key) == lua.LNil {
			w.sum += entrySize - 2*valueSize
			w.add(key)
		}
	}
	if w.sum-before > leastLoose {
		w.loose = append(w.loose, t)
	}
}

// leastLoose is from how many bytes on the keys that a table does not have any more are worth to be forgotten.
const leastLoose = 64 << 10

// forget makes tables forget the keys that they do not have any more, and reports whether
// there were such tables. Where not all was counted it is not known which keys loops go on with.
func (w *scale) forget() bool {
	if len(w.loose) == 0 || w.sum > w.most {
		return false
	}
	for _, t := range w.loose {
		lauxlib.Forget(t, w.held)
	}
	return true
}

// thread adds what the functions that have not returned in a thread have in their local variables.
func (w *scale) thread(th *lua.LState) {
	w.sum += threadSize + int64(valueSize*lauxlib.Registers(th))
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
			w.held[v] = struct{}{}
		}
	}
}

// keeps reports whether what the script's values take is over the limit. The caller has the lock, and no Lua runs.
func (st *state) keeps(limit int64) bool {
	w := st.scale(2 * limit)
	if w.forget() && w.sum > limit {
		w = st.scale(limit)
	}
	return w.sum > limit
}

// holds reports whether the state, of which a call runs, holds more than its limit of memory itself: by how much the
// process grows is also for what others do. It is called by the goroutine that makes the call.
func (st *state) holds() bool {
	limit := st.script.o.Limits.MaxMemory
	w := st.scale(limit)
	for th := st.L.G.CurrentThread; th != nil; th = th.Parent {
		w.add(lauxlib.Held(th)...)
	}
	w.weigh()
	return w.sum > limit
}

// scale weighs all that can be reached from where a state keeps values.
func (st *state) scale(most int64) *scale {
	w := &scale{most: most, seen: map[unsafe.Pointer]struct{}{}, held: map[lua.LValue]struct{}{}}
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
	w.weigh()
	return w
}

// weigh sees to it that a state does not keep too much: its script is loaded anew without what it knew, and a program
// ends. It is called, from a goroutine of its own, when the process has grown by much while the script ran.
func (s *Script) weigh(st *state) {
	s.mu.Lock()
	defer st.dog.weighing.Store(false)
	if s.cur != st || !st.keeps(s.o.Limits.MaxMemory) {
		s.mu.Unlock()
		return
	}
	text := fmt.Sprintf("what it keeps from one call to the next takes more than the limit of %d MiB of memory%s", s.o.Limits.MaxMemory>>20, luastring.RaisedBy(s.o.Limits.Names.MaxMemory))
	if s.task || s.o.OnError == Exit {
		s.finish(&Error{Script: s.name, In: "memory", Text: text})
		s.leave()
		return
	}
	s.o.log(slog.LevelError, "%s: %s; the script is loaded anew, without that", s.name, text)
	s.without()
	st.close()
	for _, c := range s.conns {
		c.data = nil
	}
	s.renew()
}
