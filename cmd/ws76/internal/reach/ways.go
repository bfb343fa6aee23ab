package reach

import (
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/transports/wifly"
)

// Env is what a command may touch of the process, and of what it has on its ways to others.
type Env struct {
	*app.Env

	Modules *wifly.Ledger // that are in use, or were not put back

	UART wifly.Opener // in place of the serial ports of modules; nil but in tests

	DeadAfter time.Duration // --dead-after of the command that runs; below 0: never
}

// Command is that of app.Env; what DeadFlag says is read before the command runs.
func (e *Env) Command(c cli.Command, exits ...int) *cli.Command {
	if action := c.Action; app.FindFlag(c.Flags, "dead-after") != nil {
		c.Action = func(c *cli.Context) error {
			e.DeadAfter = flags.Bound(c, "dead-after")
			return action(c)
		}
	}
	return e.Env.Command(c, exits...)
}

// Clone is e for a part of the process that has some of it for itself.
func (e Env) Clone() *Env {
	own := *e.Env
	e.Env = &own
	return &e
}

// NewEnv returns the environment for the ways of e.
func NewEnv(e *app.Env) *Env { return &Env{Env: e, Modules: new(wifly.Ledger)} }
