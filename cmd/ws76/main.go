// Command ws76 talks draft-76 WebSocket: it connects to old servers, stands in
// for them, and takes their keys and frames apart.
package main

import (
	"os"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/transports/wifly"
)

func main() {
	e := &reach.Env{Env: app.Process(), Modules: new(wifly.Ledger)}
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
				keygenCommand(e),
				frameCommand(e),
				scriptCommand(e),
				pluginCommand(e),
				wiflyCommand(e),
				demoCommand(e),
				completionCommand(e),
				manCommand(e),
				versionCommand(e),
				wordsCommand(e),
			}
		},
		Added:  func(builtin []*cli.Command, args []string) *cli.Command { return addedCommand(e, builtin, args) },
		Others: func() []app.Word { return pluginCommands(e) },
		Code:   errorCode, Hint: limitHint, Several: hasLines,
		Last: e.SayLeft,
	}
}
