// Package run is ws76 run: a script as a program.
package run

import (
	"context"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/cmd/ws76/internal/luaprogram"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/scripts"
	"github.com/ws76/ws76/scripts/permit"
)

// Command is ws76 run.
func Command(e *reach.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:      "run",
		Usage:     "run a Lua program that opens its own connections",
		ArgsUsage: "SCRIPT.lua [ARGS...]",
		UsageText: `ws76 run blink.lua ws://device.local/                      ARGS are args[1], args[2], …
ws76 run blink.lua ws://x/ --via unix:///run/device.sock   --via is args.via, and the default of ws76.connect
ws76 run server.lua 127.0.0.1:8080 --script-arg room=roof  args.room
ws76 run backup.lua --allow read=/srv --allow exec=tar     may do that besides; --trust-scripts: everything
ws76 run blink.lua --watch ws://device.local/              starts it anew whenever it is saved`,
		Description: "The main chunk of the script is a task: it may wait for time, messages and connections (see ws76-scripting(7)). " +
			"The command ends when all tasks have ended, or with ws76.exit(CODE); what is open then is closed properly. " +
			"The first ^C does the same, the second ends at once. " +
			"A program that runs is not loaded anew when it changes, as scripts of other commands are; with --watch it is ended and started from the beginning.",
		Flags:  luaprogram.Flags(),
		Action: func(c *cli.Context) error { return run(c.Context, e, read(c)) },
	}, app.ExitUnclean, app.ExitScript, app.ExitInterrupt, app.ExitTerminate)
}

// Options are what the command line says.
type Options struct {
	luaprogram.Options
	Script string
	Args   []string
}

func read(c *cli.Context) *Options {
	return &Options{Options: luaprogram.Read(c), Script: c.Args().First(), Args: c.Args().Tail()}
}

func run(ctx context.Context, e *reach.Env, o *Options) error {
	if len(o.Hooks.Arguments) == 0 {
		return app.Usagef("run: no script; for instance ws76 run blink.lua ws://127.0.0.1:8076/")
	}
	// A mistake in the flags is one before anything runs.
	if _, err := e.NewDialer("ws://localhost/", o.Reach); err != nil {
		return err
	}
	options, err := o.ForScript(e, o.Script)
	if err != nil {
		return err
	}
	options.Args.List = slices.Concat(o.Args, options.Args.List)
	allow, err := o.Hooks.Permissions()
	if err != nil {
		return err
	}
	allow = allow.With(permit.Streams()).With(o.Hooks.NamedGrants(options.Args)...)
	options.Permissions = func() *permit.Permissions { return allow }
	through, err := o.Hooks.PluginChain(e.Env, func(name string) (scripts.Options, error) { return o.ForScript(e, name) })
	defer hooks.Stop(through.Set, core.DefaultCloseTimeout)
	if err != nil {
		return err
	}
	if err := through.Set.Start(); err != nil {
		return err
	}
	options.Before = through.Set
	options.Dial = func(ctx context.Context, url string, so scripts.DialOptions) (*core.Conn, error) {
		to, err := through.DialURL(ctx, url)
		if err != nil {
			return nil, err
		}
		return o.Dial(ctx, e, url, to, so)
	}
	options.Reload = o.Hooks.Watch
	for {
		script, err := scripts.LoadTask(o.Script, options)
		if err != nil {
			return err
		}
		switch err = script.Run(ctx); {
		case err == scripts.ErrChanged:
			e.Log.Warnf("%s has changed and is started anew", o.Script)
			options.Changed = script
			continue
		case app.Is[*scripts.ExitError](err):
			return hooks.ExitCause(err)
		}
		return luaprogram.AsLoadError(err)
	}
}
