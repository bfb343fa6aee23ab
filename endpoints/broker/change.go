package broker

import "context"

// Change tells any number of goroutines that something has changed. The lock of what
// changes guards it, too, so that nobody misses what comes after they have looked:
//
//	mu.Lock()
//	full, changed := len(window) == most, change.Next()
//	mu.Unlock()
//	if full {
//		err = broker.Await(ctx, end, changed)
//	}
type Change struct{ next chan struct{} } // nil: nobody waits

// Next returns what the next Tell closes.
func (c *Change) Next() <-chan struct{} {
	if c.next == nil {
		c.next = make(chan struct{})
	}
	return c.next
}

// Tell lets those go on who have asked for Next.
func (c *Change) Tell() {
	if c.next != nil {
		close(c.next)
		c.next = nil
	}
}

// Await returns when changed is closed, or with the cause of the context that ends first:
// that of a call, or end, that of the endpoint.
func Await(ctx, end context.Context, changed <-chan struct{}) error {
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-end.Done():
		return context.Cause(end)
	}
}
