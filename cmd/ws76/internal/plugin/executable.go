package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/cmd/ws76/internal/luaprogram"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/plugins"
	"github.com/ws76/ws76/scripts"
)

// programPrefix is what the name of an executable begins with that is a command.
const programPrefix = "ws76-"

var programName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)

// programOf returns the executable on PATH that is the command name; "" where there is
// none, or a command that is built in has the name.
func programOf(commands []*cli.Command, name string) string {
	if !programName.MatchString(name) || isBuiltin(commands, name) || strings.HasPrefix(programPrefix+name, reach.TransportProgram) {
		return ""
	}
	path, err := exec.LookPath(programPrefix + name)
	if err != nil { // also what is only found through the working folder
		return ""
	}
	return path
}

// isBuiltin reports whether a name is that of a command of ws76 itself; help is one that stands before others.
func isBuiltin(commands []*cli.Command, name string) bool {
	return name == "help" || app.Find(commands, name) != nil
}

// Added is the command that args name and that is not built in: one of a
// plugin, or an executable. nil where there is none. Its arguments are its own.
func Added(e *reach.Env, builtin []*cli.Command, args []string) *cli.Command {
	if len(args) < 2 || !programName.MatchString(args[1]) || app.Find(builtin, args[1]) != nil {
		return nil
	}
	name := args[1]
	p, command, err := hooks.PluginFinder(e.Env, e.Getenv("WS76_PLUGIN_PATH")).FindCommand(name)
	if err == nil {
		return commandOf(e, p, command)
	}
	path := programOf(builtin, name)
	if path == "" {
		return nil
	}
	return &cli.Command{
		Name: name, HideHelp: true, SkipFlagParsing: true,
		Action: func(c *cli.Context) error { return runProgram(c.Context, e, path, args[2:]) },
	}
}

// runProgram runs an executable as if it were a command: with the streams, the environment, and what it may want to
// call in WS76_EXECUTABLE and WS76_VERSION. Its exit code is handed on.
func runProgram(ctx context.Context, e *reach.Env, path string, args []string) error {
	command := exec.CommandContext(ctx, path, args...)
	command.Stdin, command.Stdout, command.Stderr = e.Stdin, app.Behind(e.Stdout), app.Behind(e.Stderr)
	command.Env = append(os.Environ(), "WS76_VERSION="+e.Program.Version)
	if self, err := os.Executable(); err == nil {
		command.Env = append(command.Env, "WS76_EXECUTABLE="+self)
	}
	// A ^C of the terminal reaches the program by itself, once. What only this process gets is handed on.
	command.Cancel = func() error {
		var sig app.SignalError
		if errors.As(context.Cause(ctx), &sig) && (sig.Sig != os.Interrupt || !app.IsTerminal(e.Stdin)) {
			if err := command.Process.Signal(sig.Sig); err == nil || runtime.GOOS != "windows" {
				return err
			}
			return command.Process.Kill()
		}
		return nil
	}
	hangups := make(chan os.Signal, 1)
	defer app.TakeHangups(hangups)()
	if err := command.Start(); err != nil {
		return fmt.Errorf("running %s: %w", path, err)
	}
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case sig := <-hangups:
				command.Process.Signal(sig)
			case <-ended:
				return
			}
		}
	}()
	err := command.Wait()
	close(ended)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if code := exit.ExitCode(); code > 0 {
			return app.SilentError(code)
		}
		if status, ok := exit.Sys().(syscall.WaitStatus); ok {
			return app.SilentError(128 + signalNumber(status))
		}
	}
	return err
}

// commandOf is a command of a plugin.
func commandOf(e *reach.Env, p *plugins.Plugin, of *plugins.Command) *cli.Command {
	own := []cli.Flag{&cli.StringSliceFlag{Name: "option", KeepSpace: true, Aliases: []string{"o"}, Usage: "set an option of the plugin, `NAME=VALUE`; repeatable"}}
	for _, f := range luaprogram.Flags() {
		if name := f.Names()[0]; name != "plugin" && name != "plugin-path" {
			own = append(own, f)
		}
	}
	return e.Command(cli.Command{
		Name:        of.Name,
		Usage:       of.Summary,
		ArgsUsage:   of.Usage,
		UsageText:   "ws76 " + of.Name + " " + of.Usage,
		Description: fmt.Sprintf("A command of the plugin %s %s (%s). Its options: ws76 plugin info %s.", p.Name, p.Version, p.Where(), p.Name),
		Flags:       own,
		Action:      func(c *cli.Context) error { return runCommand(c.Context, e, p, of.Name, readCommand(c)) },
	}, app.ExitScript, app.ExitInterrupt, app.ExitTerminate)
}

// commandOptions are what the command line of a plugin's command says.
type commandOptions struct {
	luaprogram.Options
	Settings []string // NAME=VALUE
}

func readCommand(c *cli.Context) *commandOptions {
	return &commandOptions{luaprogram.Read(c), c.StringSlice("option")}
}

func runCommand(ctx context.Context, e *reach.Env, p *plugins.Plugin, name string, o *commandOptions) error {
	settings := map[string]string{}
	for _, text := range o.Settings {
		if err := plugins.AddSetting(settings, text); err != nil {
			return app.Usagef("--option %w", err)
		}
	}
	ctx, exit := context.WithCancelCause(ctx)
	defer exit(nil)
	script, err := o.Hooks.LoadPlugin(e.Env, p, settings, func(string) (scripts.Options, error) {
		so, err := o.ForScript(e, p.Name)
		so.Exit = func(err error) { exit(hooks.ExitCause(err)) }
		return so, err
	})
	if err != nil {
		return err
	}
	if err = script.Start(); err == nil {
		err = plugins.Run(ctx, script, name, o.Hooks.Arguments)
	}
	hooks.Stop(scripts.Set{script}, core.DefaultCloseTimeout)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var refused *plugins.ArgsError
	if errors.As(err, &refused) {
		return app.Usagef("%w (see ws76 %s --help)", err, name)
	}
	return luaprogram.AsLoadError(err)
}

// Commands are the commands that are not built in, each by what addedCommand takes for it.
func Commands(e *reach.Env) []app.Word {
	builtin := e.Program.Commands()
	var list []app.Word
	add := func(name, about string) {
		if !isBuiltin(builtin, name) && !slices.ContainsFunc(list, func(c app.Word) bool { return c.Text == name }) {
			list = append(list, app.Word{Text: name, About: about})
		}
	}
	found, _ := hooks.PluginFinder(e.Env, e.Getenv("WS76_PLUGIN_PATH")).List()
	for _, p := range found {
		for _, c := range p.Commands {
			add(c.Name, c.Summary)
		}
	}
	for _, program := range executables(builtin, e) {
		add(program.Text, program.About)
	}
	return list
}

// executables are the programs on PATH that are commands, and their paths.
func executables(builtin []*cli.Command, e *reach.Env) (list []app.Word) {
	for _, name := range e.Executables(programPrefix) {
		if path := programOf(builtin, name); path != "" {
			list = append(list, app.Word{Text: name, About: path})
		}
	}
	return list
}
