package scripts

import (
	"container/heap"
	"math"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// timer is a function to call, or a wait to end, at a time.
type timer struct {
	at    time.Time
	seq   uint64
	index int // in the heap; -1 outside
	fn    *lua.LFunction
	wait  *wait // in place of fn: ends with values
	vals  []lua.LValue

	// Of one that repeats.
	next    func(at, now time.Time) time.Time // when it is due again after at; zero: never
	going   bool                              // its function has not returned
	skipped int                               // times that came meanwhile
	done    func(*Error)
}

type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].seq < h[j].seq
	}
	return h[i].at.Before(h[j].at)
}
func (h timerHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i]; h[i].index, h[j].index = i, j }
func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.index = len(*h)
	*h = append(*h, t)
}
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}

// add puts t into the heap, due after d.
func (st *state) add(t *timer, d time.Duration) { st.addAt(t, st.script.o.Clock.Now().Add(d)) }

func (st *state) addAt(t *timer, at time.Time) {
	st.seq++
	t.seq, t.at = st.seq, at
	heap.Push(&st.timers, t)
	st.arm()
}

// remove takes t out of the heap, if it is there.
func (st *state) remove(t *timer) {
	if t.index >= 0 && t.index < len(st.timers) && st.timers[t.index] == t {
		heap.Remove(&st.timers, t.index)
	}
}

// arm sets the one timer of the clock to the earliest of the script's. Before Start nothing is due.
func (st *state) arm() {
	s := st.script
	if len(st.timers) == 0 || !s.started || st.closed || s.cur != st {
		return
	}
	first, now := st.timers[0].at, s.o.Clock.Now()
	if soon := now.Add(maxWait); st.dated && first.After(soon) {
		first = soon
	}
	if st.alarm != nil {
		if !first.Before(st.rings) {
			return // it will look again
		}
		st.alarm.Stop()
	}
	st.rings = first
	st.alarm = s.o.Clock.AfterFunc(first.Sub(now), func() { s.ring(st) })
}

// maxWait bounds how long a state with dates to keep sleeps: the system's clock may be
// set meanwhile, or the machine sleep.
const maxWait = time.Minute

// Timers that are later than missedBy wait for catchUp, in which what has come is delivered.
const (
	missedBy = time.Second
	catchUp  = 250 * time.Millisecond
)

// ring runs what is due.
func (s *Script) ring(st *state) {
	for first := true; ; first = false {
		if s.enter() == nil {
			return
		}
		if s.cur != st {
			s.leave()
			return
		}
		if first {
			st.alarm = nil
			if now := s.o.Clock.Now(); !st.missed && !st.dated && now.Sub(st.rings) > missedBy {
				// The process was stopped, or the machine slept. What came meanwhile goes
				// first, or a timer takes for silence what nobody has listened to. Dates are kept.
				st.missed, st.rings = true, now.Add(catchUp)
				st.alarm = s.o.Clock.AfterFunc(catchUp, func() { s.ring(st) })
				s.leave()
				return
			}
			st.missed = false
		}
		// Each at a turn of its own, so that messages get through between them.
		if len(st.timers) == 0 || st.timers[0].at.After(s.o.Clock.Now()) {
			st.arm()
			s.leave()
			return
		}
		began := time.Now()
		st.due(heap.Pop(&st.timers).(*timer))
		s.leaveFrom(st)
		if st.lost {
			return
		}
		s.rest(time.Since(began))
	}
}

// leaveFrom is leave, unless the lock was lost with a call of st.
func (s *Script) leaveFrom(st *state) {
	if !st.lost {
		s.leave()
	}
}

// due runs a timer whose time has come.
func (st *state) due(t *timer) {
	if t.wait != nil {
		st.wake(t.wait, t.vals...)
		return
	}
	if t.next != nil {
		if t.at = t.next(t.at, st.script.o.Clock.Now()); !t.at.IsZero() {
			heap.Push(&st.timers, t)
		}
		if t.going {
			t.skipped++
			return
		}
		t.going = true
	}
	st.callNow("timer", t.done, t.fn)
}

// failedOutside reports an error of code that no message waits for.
func (st *state) failedOutside(in string, err error) {
	s := st.script
	if exit := st.exitCause(); exit != nil {
		s.finish(exit)
		return
	}
	failed := st.newError(in, err)
	s.report(failed)
	if s.o.OnError == Exit {
		s.finish(failed)
	}
}

// maxSeconds is the longest time that a script can name, a century or so.
const maxSeconds = 3e9

// checkSeconds returns argument n as a time.
func checkSeconds(L *lua.LState, n int) time.Duration {
	x, ok := L.Get(n).(lua.LNumber)
	if f := float64(x); !ok || math.IsNaN(f) || f < 0 {
		raise(L, "argument %d is %s; want a number of seconds, 0 or more", n, describe(L.Get(n)))
	}
	return seconds(x)
}

func seconds(x lua.LNumber) time.Duration {
	return time.Duration(min(float64(x), maxSeconds) * float64(time.Second))
}

// describe names a value in an error.
func describe(v lua.LValue) string {
	switch v := v.(type) {
	case lua.LNumber, lua.LBool:
		return v.String()
	case lua.LString:
		return "a string"
	}
	if v == lua.LNil {
		return "nil"
	}
	return "a " + v.Type().String()
}

// wsAfter is ws76.after(seconds, fn) and, with repeat, ws76.every.
func wsTimer(repeat bool) lua.LGFunction {
	return func(L *lua.LState) int {
		st := stateOf(L)
		d := checkSeconds(L, 1)
		var t *timer
		if repeat {
			if d < minInterval {
				raise(L, "an interval of %v is too short; want %v or more", d, minInterval)
			}
			t = repeating(L, st, func(at, now time.Time) time.Time {
				// Where the clock has run ahead, the calls that were missed are not made up for.
				if behind := now.Sub(at); behind > d {
					at = at.Add(behind / d * d)
				}
				return at.Add(d)
			})
		} else {
			t = newTimer(L, st)
		}
		st.add(t, d)
		L.Push(st.object(t, handleObject))
		return 1
	}
}

// newTimer makes a timer of the function that is argument 2.
func newTimer(L *lua.LState, st *state) *timer {
	fn, ok := L.Get(2).(*lua.LFunction)
	if !ok {
		raise(L, "argument 2 is %s; want a function", describe(L.Get(2)))
	}
	if len(st.timers) >= st.script.o.Limits.MaxTimers {
		raise(L, "there are %d timers already, which is the limit", len(st.timers))
	}
	return &timer{fn: fn, index: -1}
}

// repeating is newTimer for one that is due again and again.
func repeating(L *lua.LState, st *state, next func(at, now time.Time) time.Time) *timer {
	t := newTimer(L, st)
	t.next, t.done = next, func(*Error) { t.going = false }
	return t
}

// minInterval is the shortest of ws76.every.
const minInterval = time.Millisecond

// timerSkipped is handle:skipped(): how many times came while the function ran.
func timerSkipped(L *lua.LState) int {
	skipped := 0
	if ud, ok := L.Get(1).(*lua.LUserData); ok {
		if t, ok := ud.Value.(*timer); ok {
			skipped = t.skipped
		}
	}
	L.Push(lua.LNumber(skipped))
	return 1
}

// timerCancel is handle:cancel(). What runs goes on to its end.
func timerCancel(L *lua.LState) int {
	ud, _ := L.Get(1).(*lua.LUserData)
	if ud != nil {
		switch v := ud.Value.(type) {
		case *timer:
			v.next = nil
			stateOf(L).remove(v)
			return 0
		case closer:
			v.Close()
			delete(stateOf(L).opened, v)
			return 0
		}
	}
	raise(L, "cancel: want handle:cancel(), got %s", describe(L.Get(1)))
	return 0
}
