package scripts

import (
	"slices"
	"sort"
	"sync"
	"time"
)

// Clock is what a script's timers go by. It may be used from any goroutine.
type Clock interface {
	Now() time.Time
	// AfterFunc calls f once d has passed, from any goroutine, unless the timer is stopped before.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is one call to come of a Clock.
type Timer interface {
	// Stop prevents the call and reports whether it did.
	Stop() bool
}

type realClock struct{}

func (realClock) Now() time.Time                            { return time.Now() }
func (realClock) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

// VirtualClock is a Clock that stands still until it is told to advance: for tests.
type VirtualClock struct {
	mu     sync.Mutex
	now    time.Time
	timers []*virtualTimer // the earliest first; a script has one at most
}

// NewVirtualClock returns a clock that shows start.
func NewVirtualClock(start time.Time) *VirtualClock { return &VirtualClock{now: start} }

// Now returns the time that the clock shows.
func (c *VirtualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Waiting reports whether anything is to happen at a time that has not come.
func (c *VirtualClock) Waiting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.timers) > 0
}

// AfterFunc calls f from the Advance that brings the clock d further, or more.
func (c *VirtualClock) AfterFunc(d time.Duration, f func()) Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &virtualTimer{clock: c, at: c.now.Add(d), f: f}
	i := sort.Search(len(c.timers), func(i int) bool { return c.timers[i].at.After(t.at) })
	c.timers = slices.Insert(c.timers, i, t)
	return t
}

// Advance moves the clock on by d and calls what is due on the way, in order and
// one after the other, each at its own time. It returns when they have returned.
func (c *VirtualClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	end := c.now.Add(d)
	for len(c.timers) > 0 && !c.timers[0].at.After(end) {
		t := c.timers[0]
		c.timers = slices.Delete(c.timers, 0, 1)
		if t.at.After(c.now) {
			c.now = t.at
		}
		c.mu.Unlock()
		t.f()
		c.mu.Lock()
	}
	c.now = end
}

type virtualTimer struct {
	clock *VirtualClock
	at    time.Time
	f     func()
}

func (t *virtualTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	i := slices.Index(t.clock.timers, t)
	if i >= 0 {
		t.clock.timers = slices.Delete(t.clock.timers, i, i+1)
	}
	return i >= 0
}
