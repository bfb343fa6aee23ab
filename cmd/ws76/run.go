package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/scripts"
	"github.com/ws76/ws76/scripts/permit"
	"github.com/ws76/ws76/transports"
)

func runCommand(e *reach.Env) *cli.Command {
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
		Flags:  runFlags(),
		Action: func(c *cli.Context) error { return runScript(e, c) },
	}, app.ExitScript, app.ExitInterrupt, app.ExitTerminate)
}

// runFlags are those that say how a connection is opened, and those of scripts.
func runFlags() []cli.Flag {
	list := append([]cli.Flag{reach.MaxMessageFlag("Messages"), reach.CloseTimeoutFlag("When to end")}, reach.Flags(new(reach.FlagSet))...)
	list = append(list, &cli.BoolFlag{Name: "watch", Category: hooks.ScriptCategory, Usage: "end the program and start it anew when its files change"})
	return append(append(list, hooks.PluginFlags()...), hooks.LimitFlags()...)
}

func runScript(e *reach.Env, c *cli.Context) error {
	if c.NArg() == 0 {
		return app.Usagef("run: no script; for instance ws76 run blink.lua ws://127.0.0.1:8076/")
	}
	// A mistake in the flags is one before anything runs.
	if _, err := e.NewDialer("ws://localhost/", reach.Read(c)); err != nil {
		return err
	}
	path := c.Args().First()
	options, err := programOptions(e, c, path)
	if err != nil {
		return err
	}
	options.Args.List = append(c.Args().Tail(), options.Args.List...)
	allow, err := hooks.Allowed(c)
	if err != nil {
		return err
	}
	allow = allow.With(permit.Streams()).With(hooks.Named(c, options.Args)...)
	options.Permissions = func() *permit.Permissions { return allow }
	through, err := hooks.NewPlugins(e, c, func(name string) (scripts.Options, error) { return programOptions(e, c, name) })
	defer hooks.Stop(through.Set, core.DefaultCloseTimeout)
	if err != nil {
		return err
	}
	if err := through.Set.Start(); err != nil {
		return err
	}
	options.Before = through.Set
	options.Dial = func(ctx context.Context, url string, o scripts.DialOptions) (*core.Conn, error) {
		to, err := through.DialURL(ctx, url)
		if err != nil {
			return nil, err
		}
		return dialFor(e, ctx, c, url, to, o)
	}
	options.Reload = c.Bool("watch")
	for {
		script, err := scripts.LoadTask(path, options)
		if err != nil {
			return err
		}
		switch err = script.Run(c.Context); {
		case err == scripts.ErrChanged:
			e.Log.Warnf("%s has changed and is started anew", path)
			options.Changed = script
			continue
		case app.Is[*scripts.ExitError](err):
			return hooks.ScriptExit(err)
		}
		return scriptFailed(err)
	}
}

// programOptions are the options of a script that opens connections itself: they are
// the flags of the command line.
func programOptions(e *reach.Env, c *cli.Context, name string) (scripts.Options, error) {
	options, err := hooks.ScriptOptions(e, c, name)
	if err != nil {
		return options, err
	}
	if c.IsSet("via") {
		if options.Args.Named == nil {
			options.Args.Named = map[string]string{}
		}
		options.Args.Named["via"] = c.String("via")
	}
	options.Print = func(text string) { fmt.Fprintln(e.Stdout, text) }
	options.Dial = func(ctx context.Context, url string, o scripts.DialOptions) (*core.Conn, error) {
		return dialFor(e, ctx, c, url, url, o)
	}
	options.Listen = func(ctx context.Context, addr string) (net.Listener, error) { return listenForScript(e, ctx, addr) }
	options.Open = func(ctx context.Context, raw string) (net.Conn, error) { return openFor(e, ctx, c, raw) }
	return options, nil
}

// openFor is ws76.open with the flags of the command line: over --via where they
// name one, and raw is tcp: or tls:.
func openFor(e *reach.Env, ctx context.Context, c *cli.Context, raw string) (net.Conn, error) {
	way := reach.Read(c)
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "tcp" && u.Scheme != "tls" || !c.IsSet("via") && way.Proxy == nil && len(way.Resolve) == 0 {
		return openStream(e, ctx, raw)
	}
	d, err := e.NewDialer("ws://"+u.Host+"/", way)
	if err != nil {
		return nil, err
	}
	return d.Guarded(true).Open(ctx, raw)
}

// scriptFailed adds to a script's error where it came from.
func scriptFailed(err error) error {
	failed, ok := err.(*scripts.Error)
	if !ok {
		return err
	}
	return app.WithCode(app.ExitScript, &scripts.LoadError{Script: failed.Script, Err: errors.New(failed.Text), Traceback: failed.Traceback})
}

// dialFor is ws76.connect: the dialer of connect with the flags of the command line,
// over which the script's options go. url is where plugins have led to from what was
// asked for.
func dialFor(e *reach.Env, ctx context.Context, c *cli.Context, asked, url string, o scripts.DialOptions) (*core.Conn, error) {
	way := reach.Read(c)
	chosen := o.Via == "" || o.Via == way.Via
	if !chosen {
		way.Via = o.Via
	}
	way.OriginFlag = ""
	d, err := e.NewDialer(url, way)
	if err != nil {
		return nil, err
	}
	d = d.Guarded(chosen)
	if o.Dialect != "" && d.Target.Dialect == "" {
		d.Options.Dialect = o.Dialect
	}
	if o.Protocol != "" {
		d.Options.Protocols = []string{o.Protocol}
	}
	d.Options.Header = append(d.Options.Header, o.Headers...)
	if o.Timeout > 0 {
		d.Timeout = o.Timeout
	}
	from, err := core.ParseURL(asked)
	if err == nil {
		err = d.Leave(e, from)
	}
	if err != nil {
		return nil, err
	}
	return d.Dial(ctx)
}

// openStream is ws76.open: tcp://HOST:PORT, or the URL of any transport, of which
// "host:port" may be the address.
func openStream(e *reach.Env, ctx context.Context, raw string) (net.Conn, error) {
	via, addr := raw, ""
	if u, err := url.Parse(raw); err == nil && (u.Scheme == "tcp" || u.Scheme == "tls") && u.Host != "" {
		addr, u.Host = u.Host, "" // what else there is is for the transport, which refuses most
		via = u.String()
	} else if !strings.Contains(raw, ":") {
		return nil, fmt.Errorf("opening %q: want a URL like tcp://device.local:23 or serial:///dev/ttyUSB0", transports.Redact(raw))
	}
	t, err := e.OpenGuarded(via, transports.Options{})
	if err != nil {
		return nil, err
	}
	return t.Dial(ctx, addr)
}
