package serve

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// First requests go before those behind others, but for one of them now and then; nobody
// is left out, and no more work than may.
func TestTurns(t *testing.T) {
	turns := turns{free: 1}
	turns.take(true)
	var mu sync.Mutex
	var order strings.Builder
	var waiting sync.WaitGroup
	for i := range 16 {
		first := i >= 8
		waiting.Go(func() {
			turns.take(first)
			mu.Lock()
			order.WriteString(map[bool]string{true: "f", false: "n"}[first])
			mu.Unlock()
			turns.give()
		})
		for queued := 0; queued <= i; time.Sleep(time.Millisecond) {
			turns.mu.Lock()
			queued = len(turns.first) + len(turns.next)
			turns.mu.Unlock()
		}
	}
	turns.give()
	waiting.Wait()
	if got, want := order.String(), "fffnfffnffnnnnnn"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if turns.free != 1 {
		t.Errorf("%d are free", turns.free)
	}
}
