package program

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
	"github.com/ws76/ws76/cmd/ws76/internal/listen"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/scripts"
	"github.com/ws76/ws76/transports"
)

// Flags are those that say how a connection is opened, and those of scripts.
func Flags() []cli.Flag {
	list := append([]cli.Flag{reach.MaxMessageFlag("Messages"), reach.CloseTimeoutFlag("When to end")}, reach.Flags(new(reach.FlagSet))...)
	list = append(list, &cli.BoolFlag{Name: "watch", Category: hooks.ScriptCategory, Usage: "end the program and start it anew when its files change"})
	return append(append(list, hooks.PluginFlags()...), hooks.LuaFlags()...)
}

// Options are the options of a script that opens connections itself: they are
// the flags of the command line.
func Options(e *reach.Env, c *cli.Context, name string) (scripts.Options, error) {
	options, err := hooks.ScriptOptions(e.Env, c, name)
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
		return Dial(ctx, e, c, url, url, o)
	}
	options.Listen = func(ctx context.Context, addr string) (net.Listener, error) { return listen.OnGuarded(ctx, e, addr) }
	options.Open = func(ctx context.Context, raw string) (net.Conn, error) { return openFor(ctx, e, c, raw) }
	return options, nil
}

// openFor is ws76.open with the flags of the command line: over --via where they
// name one, and raw is tcp: or tls:.
func openFor(ctx context.Context, e *reach.Env, c *cli.Context, raw string) (net.Conn, error) {
	way := reach.Read(c)
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "tcp" && u.Scheme != "tls" || !c.IsSet("via") && way.Proxy == nil && len(way.Resolve) == 0 {
		return Open(ctx, e, raw)
	}
	d, err := e.NewDialer("ws://"+u.Host+"/", way)
	if err != nil {
		return nil, err
	}
	return d.Guarded(true).Open(ctx, raw)
}

// AsLoadError adds to a script's error where it came from.
func AsLoadError(err error) error {
	failed, ok := err.(*scripts.Error)
	if !ok {
		return err
	}
	return app.WithCode(app.ExitScript, &scripts.LoadError{Script: failed.Script, Err: errors.New(failed.Text), Traceback: failed.Traceback})
}

// Dial is ws76.connect: the dialer of connect with the flags of the command line,
// over which the script's options go. url is where plugins have led to from what was
// asked for.
func Dial(ctx context.Context, e *reach.Env, c *cli.Context, asked, url string, o scripts.DialOptions) (*core.Conn, error) {
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

// Open is ws76.open: tcp://HOST:PORT, or the URL of any transport, of which
// "host:port" may be the address.
func Open(ctx context.Context, e *reach.Env, raw string) (net.Conn, error) {
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
