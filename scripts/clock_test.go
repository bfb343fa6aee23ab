package scripts

import (
	"slices"
	"testing"
	"time"
)

// What is due is called in order, each at its own time: what is due at once as it was
// asked for, what is stopped not at all, and what a call adds within the same Advance.
func TestVirtualClock(t *testing.T) {
	clock := NewVirtualClock(epoch)
	var got []string
	call := func(name string) func() {
		return func() { got = append(got, name+clock.Now().Sub(epoch).String()) }
	}
	clock.AfterFunc(2*time.Second, call("c"))
	clock.AfterFunc(time.Second, call("a"))
	stopped := clock.AfterFunc(time.Second, call("stopped"))
	clock.AfterFunc(time.Second, func() {
		call("b")()
		clock.AfterFunc(2*time.Second, call("e"))
		clock.AfterFunc(time.Second, call("d"))
	})
	clock.AfterFunc(4*time.Second, call("late"))
	if !stopped.Stop() || stopped.Stop() {
		t.Error("what was to come cannot be stopped, or can twice")
	}
	clock.Advance(3 * time.Second)
	if want := []string{"a1s", "b1s", "c2s", "d2s", "e3s"}; !slices.Equal(got, want) {
		t.Errorf("called %q, want %q", got, want)
	}
}
