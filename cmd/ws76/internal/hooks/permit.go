package hooks

import (
	"errors"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/plugins"
	"github.com/ws76/ws76/scripts"
	"github.com/ws76/ws76/scripts/permit"
	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/all"
)

// Permissions is what --allow and --trust-scripts let scripts do.
func (o *Options) Permissions() (*permit.Permissions, error) {
	p, err := permit.Parse(o.Allow)
	if err != nil {
		return nil, app.Usagef("--allow %w", err)
	}
	if o.Trust {
		p = p.Or(permit.All())
	}
	return p, nil
}

// NamedGrants are the permissions for what the user has named: the places of URLs and addresses among the arguments of the command
// and of the script, --via, and the paths among the arguments of the script, which may be read.
func (o *Options) NamedGrants(args scripts.Args) []permit.Grant {
	texts := slices.Concat(o.Arguments, o.Vias)
	own := slices.Clone(args.List)
	for _, text := range args.Named {
		own = append(own, text)
	}
	var grants []permit.Grant
	for _, text := range append(texts, own...) {
		grants = append(grants, namedPlace(text)...)
	}
	for _, text := range own {
		grants = append(grants, namedPath(text)...)
	}
	return grants
}

// namedPath allows a path to be read; a URL is none.
func namedPath(text string) []permit.Grant {
	if strings.Contains(text, "://") {
		return nil
	}
	return permit.Path(text)
}

// namedPlace allows to reach what a URL, or HOST:PORT, says. A command of exec: is not among it.
func namedPlace(text string) []permit.Grant {
	var reaches []transports.Reach
	t, err := all.Transports().Open(text, transports.Options{})
	host, port, plain := net.SplitHostPort(text)
	switch {
	case err == nil:
		reaches = append(transports.Reaches(t, "", false), transports.Reaches(t, "", true)...)
	case plain == nil && numeric(port) && !strings.Contains(host, "/"):
		reaches = append(transports.ReachesAddr(text, "tcp", true), transports.ReachesAddr(text, "tcp", false)...)
	default:
		if addr := addressOf(text); addr != "" {
			reaches = transports.ReachesAddr(addr, "tcp", false)
		}
	}
	var grants []permit.Grant
	for _, r := range reaches {
		if r.Kind != string(permit.Exec) {
			grants = append(grants, permit.Named(permit.Effect{Kind: permit.Kind(r.Kind), Target: r.Target}))
		}
	}
	return grants
}

func numeric(port string) bool {
	_, err := strconv.ParseUint(port, 10, 16)
	return err == nil
}

// addressOf is the HOST:PORT of a URL; "" where it has none.
func addressOf(raw string) string {
	if target, err := core.ParseURL(raw); err == nil {
		return target.Addr
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "mqtt": "1883", "mqtts": "8883", "nats": "4222"}[u.Scheme]
	}
	if port == "" {
		return ""
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// GrantsDir is where it is kept what plugins were granted when they were installed.
func GrantsDir(e *app.Env) (string, error) {
	state, err := e.StateDir()
	return filepath.Join(state, "grants"), err
}

// PluginPermissions returns what a plugin may do, whenever it is loaded: what it states that it needs as far as that is
// allowed, or was granted when it was installed and the plugin is as it was then.
func (o *Options) PluginPermissions(
	e *app.Env, p *plugins.Plugin, settings map[string]string, args scripts.Args,
) (func() *permit.Permissions, error) {
	allow, err := o.Permissions()
	if err != nil {
		return nil, err
	}
	grants, err := GrantsDir(e)
	if err != nil {
		return nil, err
	}
	own := scripts.Args{List: slices.Concat(args.List, o.Arguments), Named: map[string]string{}}
	maps.Copy(own.Named, settings)
	for name, text := range args.Named {
		own.Named["args."+name] = text
	}
	reachable := o.NamedGrants(own)
	return func() *permit.Permissions {
		now, err := p, error(nil)
		if !p.Builtin() {
			now, err = plugins.Open(p.Dir)
		}
		var granted *plugins.Grant
		if err == nil {
			if granted, err = now.Granted(grants); errors.Is(err, plugins.ErrVoid) {
				e.Log.Warnf("%v: allow it anew, or install it again", err)
				err = nil
			}
		}
		var limited *permit.Permissions
		if err == nil {
			limited, err = now.Limit(allow, granted)
		}
		if err != nil {
			e.Log.Errorf("%v", err)
		}
		return limited.With(reachable...)
	}, nil
}
