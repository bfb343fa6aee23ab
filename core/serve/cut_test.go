package serve

import (
	"testing"
	"time"
)

// To cut many takes from the grace, but never more than a quarter of it.
func TestCutAfter(t *testing.T) {
	for _, tc := range []struct {
		conns int64
		want  time.Duration
	}{{0, 1900 * time.Millisecond}, {1000, 1800 * time.Millisecond}, {10_000, 1500 * time.Millisecond}} {
		if got := cutAfter(2*time.Second, tc.conns); got != tc.want {
			t.Errorf("%d: %v", tc.conns, got)
		}
	}
}
