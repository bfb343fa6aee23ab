// Command ws76 talks draft-76 WebSocket: it connects to old servers, stands in
// for them, and takes their keys and frames apart.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
)

// version is set by the linker in packages; otherwise the module's own is shown.
var version = ""

// env is what a command may touch of the process.
type env struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	getenv func(string) string
	log    *logger
}

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	// Without it the runtime kills the process at the first write to a closed pipe;
	// with it the write fails, and the command ends as it should.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	go func() {
		cancel(signalError{<-signals})
		// The second one does not wait for anything.
		os.Exit(signalError{<-signals}.exitCode())
	}()
	os.Exit(run(ctx, os.Args, &env{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv,
	}))
}

// run is the whole command: it parses args (args[0] is the program's name), does
// the work and returns the exit code. A signal cancels ctx with a signalError.
func run(ctx context.Context, args []string, e *env) int {
	e.log = newLogger(e.stderr)
	app := newApp(e)
	err := app.RunContext(ctx, permute(app, args))
	code := exitCode(ctx, err)
	if err != nil && !quietExit(err) {
		e.log.Errorf("%v", err)
	}
	return code
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
		// Without it Run ends the process from inside a command.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   onUsageError,
		Action: func(c *cli.Context) error {
			if name := c.Args().First(); name != "" {
				return unknownCommand(c.App.Commands, "ws76", name)
			}
			return cli.ShowAppHelp(c)
		},
		Commands: []*cli.Command{
			connectCommand(e),
			serveCommand(e),
			keygenCommand(e),
			frameCommand(e),
		},
	}
}

func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func unknownCommand(commands []*cli.Command, parent, name string) error {
	of := strings.TrimPrefix(strings.TrimPrefix(parent, "ws76"), " ")
	if of != "" {
		of += ": "
	}
	return usagef("%sno command %q. %s", of, name, cli.SuggestCommand(commands, name))
}

func onUsageError(c *cli.Context, err error, _ bool) error {
	var usage usageError
	if errors.As(err, &usage) {
		return err
	}
	flags := c.App.Flags
	if c.Command != nil && c.Command.Name != "" {
		flags = c.Command.Flags
	}
	var name string
	if n, _ := fmt.Sscanf(err.Error(), "flag provided but not defined: -%s", &name); n == 1 {
		err = fmt.Errorf("no flag %q", dashed(name))
		if near := cli.SuggestFlag(flags, name, false); near != "" {
			err = fmt.Errorf("no flag %q; did you mean %s?", dashed(name), near)
		}
	}
	return usagef("%w (see %s --help)", err, c.Command.HelpName)
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
