package hooks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

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

// NewChain loads plugins, scripts and texts; extra, which may be nil, adds to the options of each. The caller starts
// and stops them. The Set is nil where nothing is named.
func (o *Options) NewChain(ctx context.Context, e *app.Env, extra func(*scripts.Options)) (Chain, error) {
	// Where there is no script as well: one may be added tomorrow.
	if _, err := o.Permissions(); err != nil {
		return Chain{}, err
	}
	if _, err := o.errorPolicy(); err != nil {
		return Chain{}, err
	}
	ch, err := o.loadChain(e, o.ForChain(e, extra))
	if err != nil {
		ch.Set.Stop(ctx, "not loaded")
		return Chain{}, err
	}
	return ch, nil
}

// OptionsFor makes the options of a script or plugin of a name.
type OptionsFor func(name string) (scripts.Options, error)

// ForChain returns the options of each script by its name.
func (o *Options) ForChain(e *app.Env, extra func(*scripts.Options)) OptionsFor {
	return func(name string) (scripts.Options, error) {
		options, err := o.ForScript(e, name)
		if err != nil {
			return options, err
		}
		options.Reload = o.Reload
		if options.OnError, err = o.errorPolicy(); err != nil {
			return options, err
		}
		if extra != nil {
			extra(&options)
		}
		return options, nil
	}
}

// errorPolicy is what --on-script-error says.
func (o *Options) errorPolicy() (scripts.ErrorPolicy, error) {
	p, err := scripts.ParseErrorPolicy(o.OnError)
	if err != nil {
		return p, app.Usagef("--on-script-error %w", err)
	}
	return p, nil
}

// loadChain loads plugins and scripts. After an error it returns what was loaded.
func (o *Options) loadChain(e *app.Env, options OptionsFor) (Chain, error) {
	ch, err := o.PluginChain(e, options)
	if err != nil {
		return ch, err
	}
	for i, code := range slices.Concat(o.Scripts, o.Evals) {
		name, own := code, code
		if i >= len(o.Scripts) {
			name = fmt.Sprintf("--eval %d", i-len(o.Scripts)+1)
			own = ofEval + name
		}
		so, err := options(own)
		if err != nil {
			return ch, err
		}
		var script *scripts.Script
		if i < len(o.Scripts) {
			script, err = scripts.Load(name, so)
		} else {
			script, err = scripts.Eval(name, code, so)
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

// PluginChain loads the plugins, with options as ForChain makes them.
func (o *Options) PluginChain(e *app.Env, options OptionsFor) (Chain, error) {
	var made Chain
	finder := PluginFinder(e, o.PluginPath)
	for _, text := range o.Plugins {
		name, settings, err := plugins.ParseUse(text)
		if err != nil {
			return made, app.Usagef("--plugin %w", err)
		}
		p, err := finder.Find(name)
		if err != nil {
			return made, PluginMissing("--plugin: ", finder, name, err)
		}
		script, err := o.LoadPlugin(e, p, settings, options)
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
func (o *Options) LoadPlugin(e *app.Env, p *plugins.Plugin, settings map[string]string, options OptionsFor) (*scripts.Script, error) {
	so, err := options(p.Name)
	if err != nil {
		return nil, err
	}
	if home, err := e.PluginHome(); err == nil {
		// One that lies elsewhere may be another of the same name.
		own := p.Dir
		if p.Builtin() {
			own = filepath.Join(home, p.Name)
		}
		so.KV = func() (*kv.Store, error) { return openStore(e, own) }
		if so.Data, err = dataDir(e, own); err != nil {
			return nil, err
		}
	}
	if so.Permissions, err = o.PluginPermissions(e, p, settings, so.Args); err != nil {
		return nil, err
	}
	script, err := p.Load(settings, so)
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
