package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/transports/wifly"
)

// runMain is the process with another environment.
func runMain(ctx context.Context, args []string, e *reach.Env) int {
	newApp(e)
	return e.Run(ctx, args)
}

// newApp returns the command tree in another environment.
func newApp(e *reach.Env) *cli.App {
	e.Program = newProgram(e)
	if e.Modules == nil {
		e.Modules = new(wifly.Ledger)
	}
	return e.Tree()
}
