// Command ws76 talks draft-76 WebSocket: it connects to old servers, stands in
// for them, and takes their keys and frames apart.
package main

import (
	"os"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/about"
	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/keygen"
	"github.com/ws76/ws76/cmd/ws76/internal/outcome"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
)

func main() {
	e := reach.NewEnv(app.Process())
	e.Program = program(e)
	os.Exit(e.Main())
}

// program is ws76.
func program(e *reach.Env) *app.Program {
	return &app.Program{
		Version: buildVersion(),
		Commands: func() []*cli.Command {
			return []*cli.Command{
				connectCommand(e),
				runCommand(e),
				serveCommand(e),
				replayCommand(e),
				bridgeCommand(e),
				keygen.Command(e.Env),
				frameCommand(e),
				scriptCommand(e),
				pluginCommand(e),
				wiflyCommand(e),
				demoCommand(e),
				completionCommand(e),
				about.Man(e.Env),
				about.Version(e.Env),
				wordsCommand(e),
			}
		},
		Added:  func(builtin []*cli.Command, args []string) *cli.Command { return addedCommand(e, builtin, args) },
		Others: func() []app.Word { return pluginCommands(e) },
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
