package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/plugins"
	"github.com/ws76/ws76/scripts"
	"github.com/ws76/ws76/scripts/kv"
)

// pluginFlags are the flags of commands whose messages go through plugins.
func pluginFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "plugin", KeepSpace: true, Category: scriptCategory, Usage: "run messages through the plugin `NAME[,OPTION=VALUE...]`, before the scripts; repeatable"},
		pluginPathFlag(scriptCategory),
	}
}

func pluginPathFlag(category string) cli.Flag {
	return &cli.StringFlag{Name: "plugin-path", Category: category, Usage: "look for plugins in `FOLDERS` first, which are separated as in PATH"}
}

// pluginHome is where plugins are installed.
func (e *env) pluginHome() (string, error) {
	data := e.getenv("XDG_DATA_HOME")
	if data == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("finding the folder of plugins: %w", err)
		}
		data = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(data, "ws76", "plugins"), nil
}

// pluginFinder looks in the folders of --plugin-path, then where plugins are installed.
func (e *env) pluginFinder(path string) *plugins.Finder {
	f := &plugins.Finder{}
	for _, dir := range filepath.SplitList(path) {
		if dir != "" {
			f.Path = append(f.Path, dir)
		}
	}
	if home, err := e.pluginHome(); err == nil {
		f.Path = append(f.Path, home)
	}
	return f
}

// chain is what messages go through: plugins, then scripts.
type chain struct {
	set     scripts.Set
	connect []*scripts.Script // plugins that are asked for the URL to dial
}

// newPlugins loads what --plugin names, with options as newScripts makes them.
func (e *env) newPlugins(c *cli.Context, options func(name string) (scripts.Options, error)) (chain, error) {
	var made chain
	finder := e.pluginFinder(c.String("plugin-path"))
	for _, text := range c.StringSlice("plugin") {
		name, settings, err := plugins.ParseUse(text)
		if err != nil {
			return made, usagef("--plugin %w", err)
		}
		p, err := finder.Find(name)
		if err != nil {
			return made, pluginMissing("--plugin ", finder, name, err)
		}
		script, err := e.loadPlugin(p, settings, options)
		if err != nil {
			return made, err
		}
		made.set = append(made.set, script)
		if p.Connect {
			made.connect = append(made.connect, script)
		}
	}
	return made, nil
}

// loadPlugin makes a script of a plugin.
func (e *env) loadPlugin(p *plugins.Plugin, settings map[string]string, options func(name string) (scripts.Options, error)) (*scripts.Script, error) {
	o, err := options(p.Name)
	if err != nil {
		return nil, err
	}
	if home, err := e.pluginHome(); err == nil {
		// Its store is that of its name, wherever it is.
		o.KV = func() (*kv.Store, error) { return e.openStore(filepath.Join(home, p.Name)) }
	}
	script, err := p.Load(settings, o)
	var failed *scripts.LoadError
	switch {
	case errors.As(err, &failed):
		return nil, fmt.Errorf("loading plugin %w", err)
	case err != nil:
		return nil, usageError{err} // a setting
	}
	return script, nil
}

// pluginMissing says of a plugin that cannot be used what would help. What is who
// asks for it.
func pluginMissing(what string, finder *plugins.Finder, name string, err error) error {
	if !errors.Is(err, plugins.ErrNotFound) {
		return withCode(exitScript, err)
	}
	list, _ := finder.List()
	var known []*cli.Command
	for _, p := range list {
		known = append(known, &cli.Command{Name: p.Name})
	}
	return usagef("%s%w. %s (ws76 plugin list shows all)", what, err, cli.SuggestCommand(known, name))
}

// dialURL asks the plugins which URL is dialled in place of url.
func (ch *chain) dialURL(ctx context.Context, url string) (string, error) {
	for _, s := range ch.connect {
		to, err := plugins.Connect(ctx, s, url)
		if err != nil {
			if ctx.Err() != nil {
				return "", context.Cause(ctx)
			}
			return "", withCode(exitConnect, err)
		}
		url = to
	}
	return url, nil
}

// open is ws76.open of plugins that have a word in dialling: a stream over the
// transport that the connection will have, to tcp://HOST:PORT or tls://HOST:PORT.
func (d *dialer) open(ctx context.Context, raw string) (net.Conn, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "tcp" && u.Scheme != "tls" || u.Port() == "" {
		return nil, fmt.Errorf("opening %q: want tcp://HOST:PORT or tls://HOST:PORT here", raw)
	}
	stream, err := d.options.Dialer.Dial(ctx, u.Host)
	if err != nil || u.Scheme == "tcp" {
		return stream, err
	}
	config := &tls.Config{}
	if d.options.TLS != nil {
		config = d.options.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = u.Hostname()
	}
	secure := tls.Client(stream, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		stream.Close()
		return nil, err
	}
	return secure, nil
}

// redirected is d with another URL of the same server; the options of the command
// line stay as they are.
func (d *dialer) redirected(url string) (*dialer, error) {
	if url == d.url {
		return d, nil
	}
	target, err := core.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("a plugin's connect: %w", err)
	}
	other := *d
	other.url, other.target = url, target
	return &other, nil
}
