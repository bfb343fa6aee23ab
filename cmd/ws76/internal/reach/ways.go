package reach

import (
	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/transports/wifly"
)

// Env is what a command may touch of the process, and of what it has on its ways to others.
type Env struct {
	*app.Env

	Modules *wifly.Ledger // that are in use, or were not put back

	UART wifly.Opener // in place of the serial ports of modules; nil but in tests
}

// Own is env for a part of the process that has some of it for itself.
func (e Env) Own() *Env {
	own := *e.Env
	e.Env = &own
	return &e
}

// NewEnv returns the environment for the ways of e.
func NewEnv(e *app.Env) *Env { return &Env{Env: e, Modules: new(wifly.Ledger)} }
