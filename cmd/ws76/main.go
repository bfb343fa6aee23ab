// Command ws76 talks draft-76 WebSocket: it connects to old servers, stands in
// for them, and takes their keys and frames apart.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/internal/children"
	"github.com/ws76/ws76/transports/wifly"
)

// env is what a command may touch of the process.
type env struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	getenv func(string) string
	log    *logger
	config *config // the configuration file, once it was read

	children childOptions

	tty       *tty   // the terminal, where keys are read one by one
	interrupt func() // what ^C does, where the terminal makes no signal of it

	deadAfter time.Duration // --dead-after of the command that runs; below 0: never

	modules *wifly.Ledger // that are in use, or were not put back

	uart wifly.Opener // in place of the serial ports of modules; nil but in tests
}

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	endByHangup(signals)
	// Without it the runtime kills the process at the first write to a closed pipe;
	// with it the write fails, and the command ends as it should.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	terminal, modules := new(tty), new(wifly.Ledger)
	e := &env{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv,
		tty: terminal, modules: modules, interrupt: func() {
			select {
			case signals <- os.Interrupt:
			default: // two are there
			}
		},
	}
	go func() {
		cancel(signalError{<-signals})
		// The second one does not wait for anything but to give the terminal back, and to
		// say what is left.
		second := <-signals
		terminal.leaveWithin(100 * time.Millisecond)
		children.KillAll()
		within(100*time.Millisecond, e.sayLeft)
		os.Exit(signalError{second}.exitCode())
	}()
	code := run(ctx, os.Args, e)
	children.KillAll()
	os.Exit(code)
}

// run is the whole command: it parses args (args[0] is the program's name), does
// the work and returns the exit code. A signal cancels ctx with a signalError.
func run(ctx context.Context, args []string, e *env) int {
	e.stdout, e.stderr = onDisplay(e.stdout), onDisplay(e.stderr)
	defer e.flushDisplays()
	e.log = newLogger(e.stderr)
	e.log.hide(args...)
	e.log.hide(os.Environ()...)
	if e.tty == nil {
		e.tty = new(tty)
	}
	if e.modules == nil {
		e.modules = new(wifly.Ledger)
	}
	for len(args) > 1 && args[1] == "help" { // as others have it
		args = append(append(args[:1:1], args[2:]...), "--help")
	}
	app := newApp(e)
	if added := e.addedCommand(app, args); added != nil {
		app.Commands = append(app.Commands, added)
		if added.SkipFlagParsing {
			args = args[:2:2] // the rest is its own
		}
	}
	args, err := e.expandProfiles(app, permute(app, args))
	if err == nil {
		running, end := context.WithCancel(ctx)
		err = app.RunContext(running, args)
		end()
	}
	code := exitCode(ctx, err)
	if err != nil && !quietExit(err) {
		e.log.Errorf("%v%s", err, limitHint(err))
	}
	e.modules.Settle()
	e.sayLeft()
	return code
}

func (e *env) flushDisplays() {
	for _, stream := range []io.Writer{e.stdout, e.stderr} {
		if s, ok := stream.(*display); ok {
			s.flush()
		}
	}
}

// newApp returns the command tree. Help, completions and man pages are made from it.
func newApp(e *env) *cli.App {
	cli.VersionFlag = &cli.BoolFlag{Name: "version", Usage: "print the version", DisableDefaultText: true}
	cli.HelpFlag = &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show help", DisableDefaultText: true}
	return &cli.App{
		Name:    "ws76",
		Usage:   "talk to devices that speak draft-76 WebSocket",
		Version: buildVersion(),
		Reader:  e.stdin, Writer: e.stdout, ErrWriter: e.stderr,
		HideHelpCommand:           true,
		Suggest:                   true,
		UseShortOptionHandling:    true,
		DisableSliceFlagSeparator: true,
		CustomAppHelpTemplate:     appHelp,
		ExtraInfo:                 func() map[string]string { return map[string]string{"plugins": e.pluginCommandList()} },
		// Without it Run ends the process from inside a command.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   onUsageError,
		Action: func(c *cli.Context) error {
			if name := c.Args().First(); name != "" {
				known := commandNames(c.App.Commands)
				for _, added := range e.pluginCommands() {
					known = append(known, added.text)
				}
				return unknownCommand("ws76", name, known)
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

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
