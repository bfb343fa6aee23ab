package core

import (
	"context"
	"sync/atomic"
)

// lock is a mutex whose waiters give up when their context ends. While nobody
// waits, taking and leaving it cost one atomic operation each.
type lock struct {
	state atomic.Int32                  // unlocked, locked or contended
	wake  atomic.Pointer[chan struct{}] // one token: "try again"; there once somebody waits
}

const (
	unlocked  = iota
	locked    // and nobody waits
	contended // and somebody may be waiting
)

func (l *lock) tryTake() bool { return l.state.CompareAndSwap(unlocked, locked) }

func (l *lock) take(ctx context.Context) error {
	if l.tryTake() {
		return nil
	}
	if l.wake.Load() == nil {
		wake := make(chan struct{}, 1)
		l.wake.CompareAndSwap(nil, &wake)
	}
	wake := *l.wake.Load()
	// Whoever has waited leaves the lock contended: others may wait still.
	for l.state.Swap(contended) != unlocked {
		select {
		case <-wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (l *lock) leave() {
	if l.state.Swap(unlocked) == contended {
		select {
		case *l.wake.Load() <- struct{}{}:
		default:
		}
	}
}
