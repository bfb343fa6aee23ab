// Command ws76 talks draft-76 WebSocket: it connects to old servers, stands in
// for them, and takes their keys and frames apart.
package main

import (
	"context"
	"os"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/about"
	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/bridge"
	"github.com/ws76/ws76/cmd/ws76/internal/completion"
	"github.com/ws76/ws76/cmd/ws76/internal/connect"
	"github.com/ws76/ws76/cmd/ws76/internal/demo"
	"github.com/ws76/ws76/cmd/ws76/internal/frame"
	"github.com/ws76/ws76/cmd/ws76/internal/keygen"
	"github.com/ws76/ws76/cmd/ws76/internal/outcome"
	"github.com/ws76/ws76/cmd/ws76/internal/plugin"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/cmd/ws76/internal/replay"
	"github.com/ws76/ws76/cmd/ws76/internal/run"
	"github.com/ws76/ws76/cmd/ws76/internal/script"
	"github.com/ws76/ws76/cmd/ws76/internal/serve"
	"github.com/ws76/ws76/cmd/ws76/internal/wifly"
)

func main() {
	e := reach.NewEnv(app.Process())
	e.Program = newProgram(e)
	os.Exit(e.Main())
}

// newProgram is ws76.
func newProgram(e *reach.Env) *app.Program {
	return &app.Program{
		Version: buildVersion(),
		Commands: func() []*cli.Command {
			return []*cli.Command{
				connect.Command(e),
				run.Command(e),
				serve.Command(e),
				replay.Command(e),
				bridge.Command(e),
				keygen.Command(e.Env),
				frame.Command(e.Env),
				script.Command(e.Env),
				plugin.Command(e),
				wifly.Command(e),
				demo.Command(e, func(ctx context.Context) (demo.Server, error) { return serve.Plain(ctx, e) }),
				completion.Command(e.Env),
				about.ManCommand(e.Env),
				about.VersionCommand(e.Env),
				completion.WordsCommand(e.Env),
			}
		},
		Added:  func(builtin []*cli.Command, args []string) *cli.Command { return plugin.Added(e, builtin, args) },
		Others: func() []app.Word { return plugin.Commands(e) },
		Code:   outcome.Code, Hint: outcome.Hint, Several: outcome.Several,
		Last: e.SayLeft,
	}
}

// version is set by the linker in packages; otherwise the module's own is shown.
var version = ""

func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
