// Command ws76 talks draft-76 WebSocket: it connects to old servers, stands in
// for them, and takes their keys and frames apart.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/internal/children"
	"github.com/ws76/ws76/transports/wifly"
)

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	app.EndByHangup(signals)
	// Without it the runtime kills the process at the first write to a closed pipe;
	// with it the write fails, and the command ends as it should.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	terminal, modules := new(app.TTY), new(wifly.Ledger)
	e := &reach.Env{Modules: modules, Env: &app.Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv,
		TTY: terminal, Interrupt: func() {
			select {
			case signals <- os.Interrupt:
			default: // two are there
			}
		},
	}}
	go func() {
		cancel(app.SignalError{Sig: <-signals})
		// The second one does not wait for anything but to give the terminal back, and to
		// say what is left.
		second := <-signals
		terminal.LeaveWithin(100 * time.Millisecond)
		children.KillAll()
		app.Within(100*time.Millisecond, e.SayLeft)
		os.Exit(app.SignalError{Sig: second}.ExitCode())
	}()
	code := run(ctx, os.Args, e)
	children.KillAll()
	os.Exit(code)
}

// run is the whole command: it parses args (args[0] is the program's name), does
// the work and returns the exit code. A signal cancels ctx with a signalError.
func run(ctx context.Context, args []string, e *reach.Env) int {
	defer e.Begin(args, hasLines)()
	if e.Modules == nil {
		e.Modules = new(wifly.Ledger)
	}
	for len(args) > 1 && args[1] == "help" { // as others have it
		args = append(append(args[:1:1], args[2:]...), "--help")
	}
	tree := newApp(e)
	if added := addedCommand(e, tree, args); added != nil {
		tree.Commands = append(tree.Commands, added)
		if added.SkipFlagParsing {
			args = args[:2:2] // the rest is its own
		}
	}
	args, err := e.ExpandProfiles(tree, app.Permute(tree, args))
	if err == nil {
		running, end := context.WithCancel(ctx)
		err = tree.RunContext(running, args)
		end()
	}
	code := app.ExitCode(ctx, err, errorCode)
	if err != nil && !app.QuietExit(err) {
		e.Log.Errorf("%v%s", err, limitHint(err))
	}
	e.Modules.Settle()
	e.SayLeft()
	return code
}

// newApp returns the command tree. Help, completions and man pages are made from it.
func newApp(e *reach.Env) *cli.App {
	cli.VersionFlag = &cli.BoolFlag{Name: "version", Usage: "print the version", DisableDefaultText: true}
	cli.HelpFlag = &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show help", DisableDefaultText: true}
	return &cli.App{
		Name:    "ws76",
		Usage:   "talk to devices that speak draft-76 WebSocket",
		Version: buildVersion(),
		Reader:  e.Stdin, Writer: e.Stdout, ErrWriter: e.Stderr,
		HideHelpCommand:           true,
		Suggest:                   true,
		UseShortOptionHandling:    true,
		DisableSliceFlagSeparator: true,
		CustomAppHelpTemplate:     app.AppHelp,
		ExtraInfo:                 func() map[string]string { return map[string]string{"plugins": pluginCommandList(e)} },
		// Without it Run ends the process from inside a command.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   app.OnUsageError,
		Action: func(c *cli.Context) error {
			if name := c.Args().First(); name != "" {
				known := app.CommandNames(c.App.Commands)
				for _, added := range pluginCommands(e) {
					known = append(known, added.text)
				}
				return app.UnknownCommand("ws76", name, known)
			}
			return cli.ShowAppHelp(c)
		},
		Commands: []*cli.Command{
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
		},
	}
}
