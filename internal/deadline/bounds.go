package deadline

import (
	"errors"
	"os"
	"time"
)

// Reads is the Limit of reads with a bound for each unfinished message.
type Reads struct {
	Limit
	Timeout time.Duration // 0: no bound

	bounded bool
	message uint64
	since   time.Time
}

// Begin sees to the bound before a read: so far so many messages have come whole, and the next
// has begun or not. The time of each is counted to an eighth.
func (r *Reads) Begin(whole uint64, begun bool) {
	switch {
	case r.Timeout <= 0:
	case !begun && r.bounded:
		r.Lift()
	case begun && (!r.bounded || r.message != whole):
		r.message = whole
		if now := time.Now(); !r.bounded || now.Sub(r.since) > r.Timeout/8 {
			r.bounded, r.since = true, now
			r.Until(now.Add(r.Timeout + r.Timeout/8))
		}
	}
}

// Lift ends the bound of an unfinished message.
func (r *Reads) Lift() {
	r.bounded = false
	r.Until(time.Time{})
}

// Bounded reports whether a message has its time.
func (r *Reads) Bounded() bool { return r.bounded }

// ErrNotTaken says that a peer has taken nothing of what was written within Writes.Timeout.
var ErrNotTaken = errors.New("nothing is taken")

// looks is how often it is looked whether a peer takes anything, in the time that it may take nothing.
const looks = 8

// Writes is the Limit of writes with a bound of the time for which the peer may take nothing.
type Writes struct {
	Limit
	Timeout time.Duration // 0: no bound
	Once    bool          // a write that took too long is the last: TLS

	until time.Time // what is allowed
}

// Piece is how much is to be written at once to a stream that may not be written to after a write that took too long.
const Piece = 64 << 10

// Do calls write, which says how many bytes have left, until all is written. A peer may take nothing for Timeout,
// counted to an eighth from the last look at which it had taken something; then the error is ErrNotTaken.
func (w *Writes) Do(write func() (n int, done bool, err error)) error {
	least, most := w.Timeout/looks/2, w.Timeout/looks
	if w.Once { // there is no second look
		least, most = w.Timeout, w.Timeout+most
	}
	var taken time.Time // 0: just now
	for {
		if w.Timeout > 0 {
			now := time.Now()
			if taken.IsZero() {
				taken = now
			}
			if w.until.Sub(now) < least {
				w.until = now.Add(most)
				w.Until(w.until)
			}
		}
		n, done, err := write()
		expired := err != nil && errors.Is(err, os.ErrDeadlineExceeded) && !w.interrupted()
		switch {
		case err == nil && done:
			return nil
		case err == nil, expired && n > 0 && !w.Once:
			taken = time.Time{}
		case expired && n == 0 && w.Missed():
			taken = time.Now().Add(Late - w.Timeout)
		case expired && n == 0 && time.Since(taken) < w.Timeout && !w.Once:
		case expired && n == 0:
			return ErrNotTaken
		default:
			return err
		}
	}
}
