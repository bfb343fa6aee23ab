package bridge

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// The pauses between attempts, where nothing else is said.
const (
	DefaultBackoff = 500 * time.Millisecond
	MaxBackoff     = 30 * time.Second
)

// Retries counts attempts to connect that fail in a row. Its zero value allows any
// number. It is for one goroutine.
type Retries struct {
	// Most is how many attempts may follow the one that failed first, or the connection
	// that was lost. 0: any number.
	Most int
	// Backoff is the first pause; it doubles up to MaxBackoff, and each is shortened at
	// random by up to a half. 0 is DefaultBackoff.
	Backoff time.Duration

	failed int
}

// Opened notes that an attempt has succeeded.
func (r *Retries) Opened() { r.failed = 0 }

// Failed notes that an attempt has failed with err, or a connection ended with it, and
// returns how long to wait before the next, or an error around err where there is to be
// none. An err of nil is waited for, and never the last.
func (r *Retries) Failed(err error) (pause time.Duration, gaveUp error) {
	first := r.Backoff
	if first <= 0 {
		first = DefaultBackoff
	}
	most := min(first<<min(r.failed, 16), MaxBackoff)
	r.failed++
	if err != nil && r.Most > 0 && r.failed > r.Most {
		return 0, fmt.Errorf("gave up after %s: %w", plural(r.Most, "retry", "retries"), err)
	}
	return most/2 + rand.N(most/2+1), nil
}

func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
