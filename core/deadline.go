package core

import (
	"context"
	"sync"
	"time"
)

// past is a deadline that has been missed: a blocked call returns at once.
var past = time.Unix(1, 0)

// deadline interrupts the blocked reads, or the blocked writes, of a stream when
// the context in charge ends or a time has come. The same context may be given
// again and again at no cost; a new one takes over from the last.
type deadline struct {
	set func(time.Time) error // SetReadDeadline or SetWriteDeadline

	done <-chan struct{} // of the context in charge
	stop func() bool

	mu   sync.Mutex
	turn int       // which context is in charge: a late callback of an earlier one does nothing
	at   time.Time // set by until; zero: none
	past bool      // the context in charge has ended: calls return at once
}

// enter puts ctx in charge. It returns ctx's cause when ctx has ended.
func (d *deadline) enter(ctx context.Context) error {
	done := ctx.Done()
	if done != d.done {
		d.change(ctx, done)
	}
	if done == nil || ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}

func (d *deadline) change(ctx context.Context, done <-chan struct{}) {
	if d.stop != nil && !d.stop() {
		// The last context has ended and its callback has run or will: undo it.
		d.mu.Lock()
		d.turn++
		d.past = false
		d.set(d.at)
		d.mu.Unlock()
	}
	d.done, d.stop = done, nil
	if done == nil {
		return
	}
	d.mu.Lock()
	d.turn++
	turn := d.turn
	d.mu.Unlock()
	d.stop = context.AfterFunc(ctx, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.turn == turn {
			d.past = true
			d.set(past)
		}
	})
}

// late is how long after its time a deadline is noticed that passed while the process did
// not run: it was stopped, or its machine slept.
const late = time.Second

// missed reports whether the time set by until has passed while nobody was there to see
// what came before it. Then what waits is to be read, or taken, first: the time is put
// off a little, once.
func (d *deadline) missed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if d.past || d.at.IsZero() || now.Sub(d.at) < late {
		return false
	}
	d.at = now.Add(late)
	d.set(d.at)
	return true
}

// until bounds every wait from now on by t as well; the zero time lifts the bound.
func (d *deadline) until(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = t
	if !d.past {
		d.set(t)
	}
}
