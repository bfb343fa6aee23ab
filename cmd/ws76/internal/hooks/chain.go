package hooks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/internal/textfile"
	"github.com/ws76/ws76/plugins"
	"github.com/ws76/ws76/scripts"
	"github.com/ws76/ws76/scripts/kv"
)

// Chain is what messages go through: plugins, then scripts.
type Chain struct {
	Set     scripts.Set
	Connect []*scripts.Script // plugins that are asked for the URL to dial
}

// NewScripts loads what --plugin, --script and --eval name; extra, which may be nil,
// adds to the options of each. The caller starts and stops them. There is none
// without these flags.
func NewScripts(e *app.Env, c *cli.Context, extra func(*scripts.Options)) (scripts.Set, error) {
	ch, err := NewChain(e, c, extra)
	return ch.Set, err
}

// NewChain is NewScripts for a command that dials.
func NewChain(e *app.Env, c *cli.Context, extra func(*scripts.Options)) (Chain, error) {
	// Where there is no script as well: one may be added tomorrow.
	if _, err := Permissions(c); err != nil {
		return Chain{}, err
	}
	if _, err := errorPolicy(c); err != nil {
		return Chain{}, err
	}
	ch, err := loadChain(e, c, ChainOptions(e, c, extra))
	if err != nil {
		ch.Set.Stop(c.Context, "not loaded")
		return Chain{}, err
	}
	return ch, nil
}

// OptionsFor makes the options of a script or plugin of a name.
type OptionsFor func(name string) (scripts.Options, error)

// ChainOptions returns the options of each script by its name.
func ChainOptions(e *app.Env, c *cli.Context, extra func(*scripts.Options)) OptionsFor {
	return func(name string) (scripts.Options, error) {
		options, err := ScriptOptions(e, c, name)
		if err != nil {
			return options, err
		}
		options.Reload = !c.Bool("no-reload")
		if options.OnError, err = errorPolicy(c); err != nil {
			return options, err
		}
		if extra != nil {
			extra(&options)
		}
		return options, nil
	}
}

// errorPolicy reads --on-script-error.
func errorPolicy(c *cli.Context) (scripts.ErrorPolicy, error) {
	p, err := scripts.ParseErrorPolicy(c.String("on-script-error"))
	if err != nil {
		return p, app.Usagef("--on-script-error %w", err)
	}
	return p, nil
}

// loadChain loads plugins and scripts. After an error it returns what was loaded.
func loadChain(e *app.Env, c *cli.Context, options OptionsFor) (Chain, error) {
	ch, err := PluginChain(e, c, options)
	if err != nil {
		return ch, err
	}
	files := c.StringSlice("script")
	for i, code := range append(files[:len(files):len(files)], c.StringSlice("eval")...) {
		name := code
		if i >= len(files) {
			name = fmt.Sprintf("--eval %d", i-len(files)+1)
		}
		own := name
		if i >= len(files) {
			own = OfEval + name
		}
		o, err := options(own)
		if err != nil {
			return ch, err
		}
		var script *scripts.Script
		if i < len(files) {
			script, err = scripts.Load(name, o)
		} else {
			script, err = scripts.Eval(name, code, o)
		}
		switch {
		case app.Is[*fs.PathError](err), errors.Is(err, textfile.ErrUTF16): // which says that it could not be read
			return ch, err
		case err != nil:
			return ch, fmt.Errorf("loading %w", err)
		}
		ch.Set = append(ch.Set, script)
	}
	return ch, nil
}

// PluginChain loads what --plugin names, with options as ChainOptions makes them.
func PluginChain(e *app.Env, c *cli.Context, options OptionsFor) (Chain, error) {
	var made Chain
	finder := PluginFinder(e, c.String("plugin-path"))
	for _, text := range c.StringSlice("plugin") {
		name, settings, err := plugins.ParseUse(text)
		if err != nil {
			return made, app.Usagef("--plugin %w", err)
		}
		p, err := finder.Find(name)
		if err != nil {
			return made, PluginMissing("--plugin: ", finder, name, err)
		}
		script, err := LoadPlugin(e, c, p, settings, options)
		if err != nil {
			return made, err
		}
		made.Set = append(made.Set, script)
		if p.Connect {
			made.Connect = append(made.Connect, script)
		}
	}
	return made, nil
}

// LoadPlugin makes a script of a plugin.
func LoadPlugin(e *app.Env, c *cli.Context, p *plugins.Plugin, settings map[string]string, options OptionsFor) (*scripts.Script, error) {
	o, err := options(p.Name)
	if err != nil {
		return nil, err
	}
	if home, err := PluginHome(e); err == nil {
		// One that lies elsewhere may be another of the same name.
		own := p.Dir
		if p.Builtin() {
			own = filepath.Join(home, p.Name)
		}
		o.KV = func() (*kv.Store, error) { return openStore(e, own) }
		if o.Data, err = dataDir(e, own); err != nil {
			return nil, err
		}
	}
	if o.Permissions, err = PluginPermissions(e, c, p, settings, o.Args); err != nil {
		return nil, err
	}
	script, err := p.Load(settings, o)
	var failed *scripts.LoadError
	switch {
	case errors.As(err, &failed):
		return nil, fmt.Errorf("loading plugin %w", err)
	case err != nil:
		return nil, app.Usage(err) // a setting
	}
	return script, nil
}

// DialURL asks the plugins which URL is dialled in place of url.
func (ch *Chain) DialURL(ctx context.Context, url string) (string, error) {
	for _, s := range ch.Connect {
		to, err := plugins.Connect(ctx, s, url)
		if err != nil {
			if ctx.Err() != nil {
				return "", context.Cause(ctx)
			}
			return "", app.WithCode(app.ExitConnect, err)
		}
		url = to
	}
	return url, nil
}
