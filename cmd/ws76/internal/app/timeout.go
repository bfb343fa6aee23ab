package app

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"
)

// WithTimeout is the context of a command that --timeout ends.
func WithTimeout(c *cli.Context) (context.Context, context.CancelFunc) {
	d := c.Duration("timeout")
	if d <= 0 {
		return context.WithCancel(c.Context)
	}
	return context.WithTimeoutCause(c.Context, d, WithCode(ExitTimeout, fmt.Errorf("not done within --timeout %v", d)))
}
