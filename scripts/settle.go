package scripts

import (
	"context"
	"time"
)

// Settle returns when what scripts have sent on the session's connections has been
// handed on, or ctx ends: for tests, like Script.Settle. It looks every millisecond.
func (s *Session) Settle(ctx context.Context) error {
	for _, l := range s.links {
		for l.sending() {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(time.Millisecond):
			}
		}
	}
	return nil
}

// sending reports whether messages wait to be handed on.
func (l *link) sending() bool {
	l.script.mu.Lock()
	defer l.script.mu.Unlock()
	return l.delivering || len(l.outbox) > 0
}
