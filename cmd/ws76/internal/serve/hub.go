package serve

import (
	"context"
	"crypto/tls"
	"fmt"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core/hub"
	"github.com/ws76/ws76/core/hub/nats"
	"github.com/ws76/ws76/core/serve"
	"github.com/ws76/ws76/internal/tcplimit"
	wstls "github.com/ws76/ws76/transports/tls"
)

// openHub makes the channels, and joins them to those of other machines.
func (s *service) openHub(ctx context.Context, o *Options) error {
	options, err := o.hub()
	if err != nil {
		return err
	}
	options.Failed = func(channel string, err error) { s.Drops.Add(fmt.Sprintf("channel %q", channel), 1, err.Error()) }
	if len(o.Hub) == 0 {
		for _, f := range []struct{ name, value string }{
			{"creds", o.HubCredentials}, {"cacert", o.HubTLS.CAFile}, {"cert", o.HubTLS.CertFile}, {"key", o.HubTLS.KeyFile},
		} {
			if f.value != "" {
				return app.Usagef("--hub-%s needs --hub", f.name)
			}
		}
	} else {
		var config *tls.Config
		if o.HubTLS != (wstls.ConfigOptions{}) {
			if config, err = wstls.ClientConfig(o.HubTLS); err != nil {
				return app.Usage(err)
			}
		}
		plane, err := nats.Dial(ctx, o.Hub, &nats.Options{
			Credentials: o.HubCredentials, TLS: config, Dial: tcplimit.New(s.DeadAfter).Dial,
			Note: func(text string) { s.Log.Warnf("%s", text) },
			Lost: func(channel string, n uint64) {
				s.Drops.Add(fmt.Sprintf("channel %q", channel), n, "lost between here and another machine")
			},
		})
		if app.Is[*nats.URLError](err) {
			return app.Usagef("--hub: %w", err)
		}
		if err != nil {
			return app.WithCode(app.ExitConnect, err)
		}
		s.plane = plane
		options.Backplane = plane
	}
	if s.hub, err = hub.New(&options); err != nil {
		return err
	}
	s.channels.Hub = s.hub
	s.channels.Skipped = func(p *serve.Peer, n int) {
		s.binaryDropped.Add(uint64(n))
		v := visitOf(p)
		s.Drops.Add(fmt.Sprintf("%s: channel %q", v.remote, v.Path.Channel), uint64(n), "binary, for a client that knows text only; see --binary")
	}
	s.channels.Muted = func(p *serve.Peer) {
		v := visitOf(p)
		s.Log.Infof("%s: publishes on %q, where it may only read; that is left out", v.remote, v.Path.Channel)
	}
	return nil
}

// hub are the options of channels: how binary messages look, and how much of them waits.
func (o *Options) hub() (hub.Options, error) {
	most, err := o.Hold.Limit()
	return hub.Options{Binary: hub.Binary(o.Binary), MaxWaiting: most}, err
}

// tooSlow counts messages that the policy for slow subscribers has dropped.
func (s *service) tooSlow(where string, n uint64, why string) {
	if n > 0 {
		s.slowDropped.Add(n)
		s.Drops.Add(where, n, why)
	}
}
