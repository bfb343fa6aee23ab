// Package luaprogram makes the options of scripts that open connections themselves.
package luaprogram

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
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

// Options say how a program opens connections, and what it goes through.
type Options struct {
	Reach    *reach.Options
	Hooks    *hooks.Options
	ViaGiven bool
}

// Flags are those that say how a connection is opened, and those of scripts.
func Flags() []cli.Flag {
	list := append([]cli.Flag{reach.MaxMessageFlag("Messages"), reach.CloseTimeoutFlag("When to end")}, reach.Flags(new(reach.FlagSet))...)
	return slices.Concat(list, []cli.Flag{hooks.WatchFlag()}, hooks.PluginFlags(), hooks.LuaFlags())
}

// Read reads the options of a command line whose command has Flags.
func Read(c *cli.Context) Options {
	return Options{Reach: reach.Read(c), Hooks: hooks.Read(c), ViaGiven: c.IsSet("via")}
}

// ForScript are the options of a script that opens connections itself: they are the flags of the command line.
func (o *Options) ForScript(e *reach.Env, name string) (scripts.Options, error) {
	to, err := o.Hooks.ForScript(e.Env, name)
	if err != nil {
		return to, err
	}
	if o.ViaGiven {
		if to.Args.Named == nil {
			to.Args.Named = map[string]string{}
		}
		to.Args.Named["via"] = o.Reach.Via
	}
	to.CloseTimeout = o.Reach.CloseTimeout
	to.Print = func(text string) { fmt.Fprintln(e.Stdout, text) }
	to.Dial = func(ctx context.Context, url string, so scripts.DialOptions) (*core.Conn, error) {
		return o.Dial(ctx, e, url, url, so)
	}
	to.Listen = func(ctx context.Context, addr string) (net.Listener, error) { return listen.OnGuarded(ctx, e, addr) }
	to.Open = func(ctx context.Context, raw string) (net.Conn, error) { return o.open(ctx, e, raw) }
	return to, nil
}

// open is ws76.open with the flags of the command line: over --via where they name one, and raw is tcp: or tls:.
func (o *Options) open(ctx context.Context, e *reach.Env, raw string) (net.Conn, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "tcp" && u.Scheme != "tls" || !o.ViaGiven && o.Reach.Proxy == nil && len(o.Reach.Resolve) == 0 {
		return Open(ctx, e, raw)
	}
	d, err := e.NewDialer("ws://"+u.Host+"/", o.Reach)
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

// Dial is ws76.connect: the dialer of connect with the flags of the command line, over which the script's options go.
// url is where plugins have led to from what was asked for.
func (o *Options) Dial(ctx context.Context, e *reach.Env, asked, url string, so scripts.DialOptions) (*core.Conn, error) {
	way := *o.Reach
	chosen := so.Via == "" || so.Via == way.Via
	if !chosen {
		way.Via, way.ViaFlag = so.Via, "via"
	}
	way.OriginFlag = ""
	d, err := e.NewDialer(url, &way)
	if err != nil {
		return nil, err
	}
	d = d.Guarded(chosen)
	if so.Dialect != "" && d.Target.Dialect == "" {
		d.Options.Dialect = so.Dialect
	}
	if so.Protocol != "" {
		d.Options.Protocols = []string{so.Protocol}
	}
	d.Options.Header = append(d.Options.Header, so.Headers...)
	if so.Timeout > 0 {
		d.Timeout = so.Timeout
	}
	from, err := core.ParseURL(asked)
	if err == nil {
		err = d.DropSecrets(e, from)
	}
	if err != nil {
		return nil, err
	}
	return d.Dial(ctx)
}

// Open is ws76.open: tcp://HOST:PORT, or the URL of any transport, of which "host:port" may be the address.
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
