package scripts

import (
	"slices"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// queue is what ws76.queue returns: values on their way from one task to another.
// Who waits is served in the order of the calls.
type queue struct {
	st       *state
	capacity int
	items    []lua.LValue
	getters  []*queued // while there are no items
	putters  []*queued // while it is full
	closed   bool
}

// queued is a task that waits for a value, or for room for its own.
type queued struct {
	wait  *wait
	value lua.LValue
}

// maxCapacity bounds the values that a queue can be made for.
const maxCapacity = 1 << 20

// wsQueue is ws76.queue([capacity]).
func wsQueue(L *lua.LState) int {
	st := stateOf(L)
	capacity := st.script.o.Limits.MaxQueue
	if v := L.Get(1); v != lua.LNil {
		n, ok := v.(lua.LNumber)
		if capacity = int(n); !ok || lua.LNumber(capacity) != n || capacity < 1 || capacity > maxCapacity {
			raise(L, "ws76.queue: the capacity is %s; want a whole number from 1 to %d", describe(v), maxCapacity)
		}
	}
	L.Push(st.object(&queue{st: st, capacity: capacity}, queueObject))
	return 1
}

func checkQueue(L *lua.LState) *queue {
	return checkObject[*queue](L, L.Get(1), "a queue of ws76.queue before the method")
}

// queuePut is queue:put(value[, timeout]).
func queuePut(L *lua.LState) int {
	stateOf(L)
	q, v := checkQueue(L), L.Get(2)
	switch {
	case v == lua.LNil:
		raise(L, "queue:put: nil is no value, since get returns it where there is none; false and ws76.null are values")
	case q.closed:
		return nothing(L, "closed")
	case len(q.items) >= q.capacity:
		return q.line(L, "queue:put", 3, "full", &q.putters, v)
	}
	q.add(v)
	L.Push(lua.LTrue)
	return 1
}

// queueGet is queue:get([timeout]).
func queueGet(L *lua.LState) int {
	stateOf(L)
	q := checkQueue(L)
	if len(q.items) == 0 {
		if q.closed {
			return nothing(L, "closed")
		}
		return q.line(L, "queue:get", 2, "empty", &q.getters, nil)
	}
	L.Push(q.items[0])
	q.items[0] = nil
	q.items = q.items[1:]
	if len(q.putters) > 0 {
		first := q.putters[0]
		q.items = append(q.items, first.value)
		q.st.wake(first.wait, lua.LTrue)
	}
	return 1
}

// nothing returns nil and why.
func nothing(L *lua.LState, why string) int {
	L.Push(lua.LNil)
	L.Push(lua.LString(why))
	return 2
}

// line makes the running task wait in a line, at most for the seconds of argument n.
// Where there is nothing to wait with, in a hook or with 0 seconds, it fails with now.
func (q *queue) line(L *lua.LState, what string, n int, now string, line *[]*queued, v lua.LValue) int {
	var timeout time.Duration
	timed := L.Get(n) != lua.LNil
	if timed {
		timeout = checkSeconds(L, n)
	}
	if q.st.current == nil || timed && timeout == 0 {
		return nothing(L, now)
	}
	in := &queued{wait: q.st.waitHere(L, what), value: v}
	*line = append(*line, in)
	in.wait.stop = func() {
		if i := slices.Index(*line, in); i >= 0 {
			*line = slices.Delete(*line, i, i+1)
		}
	}
	if timed {
		q.st.wakeAfter(in.wait, timeout, timedOut()...)
	}
	return q.st.yield(L)
}

// add gives a value to the task that has waited longest, or keeps it.
func (q *queue) add(v lua.LValue) {
	if len(q.getters) == 0 {
		q.items = append(q.items, v)
		return
	}
	w := q.getters[0].wait
	w.taken = func(goesOn bool) {
		if goesOn || q.st.closed {
			return
		}
		// The task was cancelled: the value is the first again.
		if len(q.getters) > 0 {
			q.add(v)
		} else {
			q.items = append([]lua.LValue{v}, q.items...)
		}
	}
	q.st.wake(w, v)
}

// queueClose is queue:close(). What is in the queue can still be taken.
func queueClose(L *lua.LState) int {
	stateOf(L)
	q := checkQueue(L)
	q.closed = true
	for _, line := range []*[]*queued{&q.getters, &q.putters} {
		for len(*line) > 0 {
			q.st.wake((*line)[0].wait, lua.LNil, lua.LString("closed"))
		}
	}
	return 0
}

// queueLen is queue:len() and #queue.
func queueLen(L *lua.LState) int {
	stateOf(L)
	L.Push(lua.LNumber(len(checkQueue(L).items)))
	return 1
}
