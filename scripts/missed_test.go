package scripts

import (
	"sync"
	"testing"
	"time"
)

// lateClock is a clock whose calls are made by hand, as late as the test says.
type lateClock struct {
	mu  sync.Mutex
	now time.Time
	f   func()
}

func (c *lateClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *lateClock) AfterFunc(_ time.Duration, f func()) Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.f = f
	return stopped{}
}

type stopped struct{}

func (stopped) Stop() bool { return true }

// fire makes the call that is due, later.
func (c *lateClock) fire(later time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(later)
	f := c.f
	c.mu.Unlock()
	f()
}

// A timer that fires long after its time lets what has come go first.
func TestMissedTimer(t *testing.T) {
	clock := &lateClock{now: epoch}
	r := newRig(t, `
		local seen = 0
		function on_message() seen = seen + 1 end
		ws76.every(1, function() print(seen) end)`, Options{Clock: clock})
	clock.fire(45 * time.Second)
	if got := r.got(&r.prints); len(got) > 0 {
		t.Fatalf("called before anything could be delivered: %q", got)
	}
	r.push("x")
	clock.fire(catchUp)
	r.want("the timer, in the end", &r.prints, "1")
}
