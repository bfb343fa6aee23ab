package reach

import (
	"context"
	"errors"
	"net"
	"slices"

	"github.com/ws76/ws76/scripts/permit"
	"github.com/ws76/ws76/transports"
)

// guarded is a transport in the hands of a script: whatever it touches has to be allowed by the permissions that the context
// carries.
type guarded struct {
	transports.Transport
	own []transports.Reach // what the command line has chosen itself
}

// guard guards a transport. One that can be listened on stays so.
func guard(t transports.Transport, own []transports.Reach) transports.Transport {
	g := guarded{t, own}
	if l, ok := t.(transports.Listener); ok {
		return guardedListener{g, l}
	}
	return g
}

// errSilent is about a transport that does not say what it touches.
var errSilent = errors.New("this transport does not say what it reaches; --trust-scripts would allow it")

func (g guarded) chosen() []transports.Reach { return g.own }

func (g guarded) ask(ctx context.Context, addr string, listen bool) error {
	p := permit.FromContext(ctx)
	if p.AllowsAll() {
		return nil
	}
	reaches := transports.Reaches(g.Transport, addr, listen)
	if reaches == nil {
		return errSilent
	}
	for _, r := range reaches {
		if slices.Contains(g.own, r) {
			continue
		}
		if err := p.Ask(permit.Effect{Kind: permit.Kind(r.Kind), Target: r.Target, By: r.By}); err != nil {
			return err
		}
	}
	return nil
}

func (g guarded) Dial(ctx context.Context, addr string) (net.Conn, error) {
	if err := g.ask(ctx, addr, false); err != nil {
		return nil, err
	}
	return g.Transport.Dial(ctx, addr)
}

type guardedListener struct {
	guarded
	listener transports.Listener
}

func (g guardedListener) Listen(ctx context.Context, addr string) (net.Listener, error) {
	if err := g.ask(ctx, addr, true); err != nil {
		return nil, err
	}
	return g.listener.Listen(ctx, addr)
}

// OpenGuarded is OpenTransport for a script.
func (e *Env) OpenGuarded(raw string, o transports.Options) (transports.Transport, error) {
	t, err := e.OpenTransport(raw, o)
	if err != nil {
		return nil, err
	}
	return guard(t, nil), nil
}

// Guarded is the dialer in the hands of a script. What its transport touches for any address is not asked for where the
// transport was chosen by the user, and nor is a proxy, which always is.
func (d *Dialer) Guarded(chosen bool) *Dialer {
	guarded := *d
	t := d.Options.Dialer.(transports.Transport)
	var own []transports.Reach
	if chosen {
		own = transports.Reaches(t, "", false)
	} else if p, ok := t.(proxied); ok {
		own = transports.Reaches(p.proxy, "", false)
	}
	guarded.Options.Dialer = guard(t, own)
	return &guarded
}
