package silence

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const d = 8 * time.Second

// watched returns a Watch, its counter and what is said to be waiting.
func watched() (w *Watch, passed *atomic.Uint64, waiting, ended *atomic.Bool) {
	passed, waiting, ended = new(atomic.Uint64), new(atomic.Bool), new(atomic.Bool)
	return New(d, passed.Load, waiting.Load, func() { ended.Store(true) }), passed, waiting, ended
}

func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, passed, waiting, ended := watched()
		for range 5 {
			time.Sleep(d - time.Second)
			passed.Add(1)
		}
		waiting.Store(true)
		time.Sleep(5 * d)
		if synctest.Wait(); ended.Load() {
			t.Fatal("it ended while something passed, or waited")
		}
		waiting.Store(false)
		time.Sleep(d / 4)
		if synctest.Wait(); !ended.Load() {
			t.Error("it did not end")
		}
		w.Stop()
	})
}

// What was not listened to was no silence: looks count, not time.
func TestStoppedProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		var ended atomic.Bool
		passed := func() uint64 {
			if looks++; looks == parts/2 {
				time.Sleep(10 * d) // as a process that does not run
			}
			return 0
		}
		w := New(d, passed, func() bool { return false }, func() { ended.Store(true) })
		defer w.Stop()
		time.Sleep(d/2 + 10*d + d/4)
		if synctest.Wait(); ended.Load() {
			t.Error("it ended before anything could be read")
		}
	})
}

func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, _, ended := watched()
		w.Stop()
		time.Sleep(2 * d)
		if synctest.Wait(); ended.Load() {
			t.Error("it ended after Stop")
		}
	})
}
