// Package app is the frame of the program: its environment, exit codes, log, help,
// arguments, configuration and terminal.
package app

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/internal/children"
)

// Program is what the frame runs: commands, and what it cannot know of them itself.
type Program struct {
	Version  string
	Commands func() []*cli.Command // that are built in, made anew
	// Added returns the command that a command line names and that is not built in; nil: there
	// is none. With SkipFlagParsing it takes its arguments from the command line itself.
	Added func(builtin []*cli.Command, args []string) *cli.Command
	// Others lists the commands that Added knows.
	Others func() []Word

	Code    func(error) int    // the exit code of an error of another package
	Hint    func(error) string // what would help, to be put behind its text
	Several func(error) bool   // whether its text is several lines

	// Last says what is left undone when a command has ended, or with hurried is not waited for any more.
	Last func(hurried bool)

	grace atomic.Int64 // see EndWithin
}

// Word is one that may stand on a command line, and what it is.
type Word struct{ Text, About string }

// Process returns the environment of this process. Its Program is yet to be set.
func Process() *Env {
	return &Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Terminal: new(Terminal)}
}

// Main runs the command line of the process and returns the exit code.
func (e *Env) Main() int {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	endByHangup(signals)
	// Without it the runtime kills the process at the first write to a closed pipe;
	// with it the write fails, and the command ends as it should.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	e.Interrupt = func() {
		select {
		case signals <- os.Interrupt:
		default: // two are there
		}
	}
	terminal := e.Terminal
	go func() {
		last := <-signals
		cancel(SignalError{last})
		var over <-chan time.Time
		grace := time.Duration(e.Program.grace.Load())
		if grace > 0 {
			over = time.After(grace)
		}
		// The second one does not wait for anything but to give the terminal back, and to say what is left.
		select {
		case last = <-signals:
		case <-over:
			within(100*time.Millisecond, func() { e.Log.Warnf("not everything has ended within %v; it is cut", grace) })
		}
		terminal.LeaveWithin(100 * time.Millisecond)
		children.KillAll()
		within(100*time.Millisecond, func() { e.Program.Last(true) })
		os.Exit(SignalError{last}.ExitCode())
	}()
	code := e.Run(ctx, os.Args)
	children.KillAll()
	return code
}

// EndWithin is for a command that is to end so long after a signal, or a second, whatever it
// still waits for; the longest time counts. It is for one goroutine at a time.
func (e *Env) EndWithin(grace time.Duration) {
	e.Program.grace.Store(max(e.Program.grace.Load(), int64(max(grace, time.Second))))
}

// Run parses args (args[0] is the program's name), does the work and returns the exit code.
// A signal cancels ctx with a SignalError.
func (e *Env) Run(ctx context.Context, args []string) int {
	p := e.Program
	defer e.begin(args)()
	for len(args) > 1 && args[1] == "help" { // as others have it
		args = append(append(args[:1:1], args[2:]...), "--help")
	}
	tree := e.Tree()
	if added := p.Added(tree.Commands, args); added != nil {
		tree.Commands = append(tree.Commands, added)
		if added.SkipFlagParsing {
			args = args[:2:2] // the rest is its own
		}
	}
	args, err := e.expandProfiles(tree, Permute(tree, args))
	if err == nil {
		running, end := context.WithCancel(ctx)
		err = tree.RunContext(running, args)
		end()
	}
	code := exitCode(ctx, err, p.Code)
	if err != nil && !quietExit(err) {
		e.Log.Errorf("%v%s", err, p.Hint(err))
	}
	p.Last(false)
	return code
}

// Tree returns the command tree. Help, completions and man pages are made from it.
func (e *Env) Tree() *cli.App {
	cli.VersionFlag = &cli.BoolFlag{Name: "version", Usage: "print the version", DisableDefaultText: true}
	cli.HelpFlag = &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show help", DisableDefaultText: true}
	return &cli.App{
		Name:    "ws76",
		Usage:   "talk to devices that speak draft-76 WebSocket",
		Version: e.Program.Version,
		Reader:  e.Stdin, Writer: e.Stdout, ErrWriter: e.Stderr,
		HideHelpCommand:           true,
		Suggest:                   true,
		UseShortOptionHandling:    true,
		DisableSliceFlagSeparator: true,
		CustomAppHelpTemplate:     appHelp,
		ExtraInfo:                 func() map[string]string { return map[string]string{"plugins": otherCommands(e.Program.Others())} },
		// Without it Run ends the process from inside a command.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   onUsageError,
		Action: func(c *cli.Context) error {
			if name := c.Args().First(); name != "" {
				known := CommandNames(c.App.Commands)
				for _, added := range e.Program.Others() {
					known = append(known, added.Text)
				}
				return UnknownCommand("ws76", name, known)
			}
			return cli.ShowAppHelp(c)
		},
		Commands: e.Program.Commands(),
	}
}
