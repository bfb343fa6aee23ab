package bridge_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ws76/ws76/core/bridge"
)

// So many attempts follow the first, and the pauses between them grow up to a bound.
func TestRetries(t *testing.T) {
	broken := errors.New("broken")
	for _, most := range []int{1, 2, 40} {
		r := bridge.Retries{Most: most, Backoff: time.Second}
		for range 2 {
			for n := range most {
				pause, err := r.Failed(broken)
				want := min(time.Second<<min(n, 10), bridge.MaxBackoff)
				if err != nil || pause < want/2 || pause > want {
					t.Fatalf("%d of %d: %v, %v; want a pause of up to %v", n, most, pause, err, want)
				}
			}
			r.Opened()
		}
		for range most {
			r.Failed(broken)
		}
		if _, err := r.Failed(nil); err != nil {
			t.Errorf("an end without an error is the last: %v", err)
		}
		if _, err := r.Failed(broken); !errors.Is(err, broken) {
			t.Errorf("after %d retries: %v", most, err)
		}
	}
}
