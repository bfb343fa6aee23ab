package deadline

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Past is a deadline that has been missed: a blocked call returns at once.
var Past = time.Unix(1, 0)

// Late is how long after its time a deadline is noticed that passed while the process did
// not run: it was stopped, or its machine slept.
const Late = time.Second

// Limit is the deadline of a stream's reads, or of its writes. What is forced on it holds;
// otherwise blocked calls return at once where the context in charge has ended or what waits is
// given up; otherwise the bound holds. Enter is for one goroutine at a time, the rest for any.
type Limit struct {
	Set func(time.Time) error // SetReadDeadline or SetWriteDeadline

	done <-chan struct{} // of the context in charge
	stop func() bool

	givenUp atomic.Bool // changed with mu held

	mu    sync.Mutex
	turn  int        // which context is in charge: a late callback of an earlier one does nothing
	at    time.Time  // the bound; zero: none
	force *time.Time // nil: nothing is forced
	past  bool       // the context in charge has ended
}

// apply hands down what holds. The caller has the lock.
func (l *Limit) apply() error {
	switch {
	case l.force != nil:
		return l.Set(*l.force)
	case l.past || l.givenUp.Load():
		return l.Set(Past)
	}
	return l.Set(l.at)
}

// Enter puts ctx in charge. The same context may be given again and again at no cost; a new one
// takes over from the last. It returns ctx's cause when ctx has ended.
func (l *Limit) Enter(ctx context.Context) error {
	done := ctx.Done()
	if done != l.done {
		l.change(ctx, done)
	}
	if done == nil || ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}

func (l *Limit) change(ctx context.Context, done <-chan struct{}) {
	if l.stop != nil && !l.stop() {
		// The last context has ended and its callback has run or will: undo it.
		l.mu.Lock()
		l.turn++
		l.past = false
		l.apply()
		l.mu.Unlock()
	}
	l.done, l.stop = done, nil
	if done == nil {
		return
	}
	l.mu.Lock()
	l.turn++
	turn := l.turn
	l.mu.Unlock()
	l.stop = context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.turn == turn {
			l.past = true
			l.apply()
		}
	})
}

// Until bounds every wait from now on by t; the zero time lifts the bound.
func (l *Limit) Until(t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = t
	if l.force == nil && !l.past && !l.givenUp.Load() {
		l.Set(t)
	}
}

// Force has t hold, whatever else would; the zero time takes that back.
func (l *Limit) Force(t time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.force = nil; !t.IsZero() {
		l.force = &t
	}
	return l.apply()
}

// Forced reports whether a time is forced on l.
func (l *Limit) Forced() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.force != nil
}

// GiveUp has blocked calls, those that come too, return at once, until Forgive.
func (l *Limit) GiveUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.givenUp.Store(true)
	l.apply()
}

// GivenUp reports whether what waits is given up.
func (l *Limit) GivenUp() bool { return l.givenUp.Load() }

// Forgive takes GiveUp back.
func (l *Limit) Forgive() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.givenUp.Store(false)
	l.apply()
}

// Missed reports whether the bound has passed while nobody was there to see what came before
// it. Then what waits is to be read, or taken, first: the bound is put off a little, once.
func (l *Limit) Missed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.force != nil || l.past || l.givenUp.Load() || l.at.IsZero() || now.Sub(l.at) < Late {
		return false
	}
	l.at = now.Add(Late)
	l.Set(l.at)
	return true
}

// interrupted reports whether it is no bound by which a call returns.
func (l *Limit) interrupted() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.force != nil || l.past || l.givenUp.Load()
}

// Interrupt has set end what waits once ctx has ended. The function that it returns takes that
// back, and puts no deadline in its place where it had been set; it reports whether it had not.
func Interrupt(ctx context.Context, set func(time.Time) error) (stop func() bool) {
	fired := make(chan struct{})
	still := context.AfterFunc(ctx, func() {
		set(Past)
		close(fired)
	})
	return func() bool {
		if still() {
			return true
		}
		<-fired
		set(time.Time{})
		return false
	}
}
