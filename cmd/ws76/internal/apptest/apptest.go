// Package apptest runs command lines of one command in a test.
package apptest

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/outcome"
)

// Run runs a command line of command in the environment e, which has the command's
// streams and variables, and returns the exit code.
func Run(ctx context.Context, e *app.Env, command *cli.Command, args ...string) int {
	e.Program = &app.Program{
		Commands: func() []*cli.Command { return []*cli.Command{command} },
		Added:    func([]*cli.Command, []string) *cli.Command { return nil },
		Others:   func() []app.Word { return nil },
		Code:     outcome.Code, Hint: outcome.Hint, Several: outcome.Several,
		Last: func(bool) {},
	}
	return e.Run(ctx, append([]string{"ws76"}, args...))
}
