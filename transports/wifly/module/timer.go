package module

import (
	"slices"
	"time"
)

// timer calls f at a time, once.
type timer struct {
	at time.Time
	f  func()
}

func (m *Module) after(d time.Duration, f func()) *timer {
	t := &timer{time.Now().Add(d), f}
	m.timers = append(slices.DeleteFunc(m.timers, func(t *timer) bool { return t.f == nil }), t)
	return t
}

// stop takes a timer back; nil and one that has fired are fine.
func (t *timer) stop() {
	if t != nil {
		t.f = nil
	}
}

// pending reports whether it will fire.
func (t *timer) pending() bool { return t != nil && t.f != nil }

func (m *Module) untilNext() time.Duration {
	next := time.Hour
	now := time.Now()
	for _, t := range m.timers {
		if t.f != nil {
			next = min(next, t.at.Sub(now))
		}
	}
	return max(next, 0)
}

// fire runs the timers that are due, the earliest first.
func (m *Module) fire() {
	for {
		var due *timer
		now := time.Now()
		for _, t := range m.timers {
			if t.f != nil && !t.at.After(now) && (due == nil || t.at.Before(due.at)) {
				due = t
			}
		}
		if due == nil {
			return
		}
		f := due.f
		due.f = nil
		f()
	}
}
