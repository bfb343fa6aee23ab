package app

import (
	"context"
	"fmt"
	"time"
)

// WithTimeout is the context of a command that --timeout ends after d; 0: it does not.
func WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, d, WithCode(ExitTimeout, fmt.Errorf("not done within --timeout %v", d)))
}
