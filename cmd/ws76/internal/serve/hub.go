package serve

import (
	"crypto/tls"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/listen"
	"github.com/ws76/ws76/core/hub"
	"github.com/ws76/ws76/core/hub/nats"
	"github.com/ws76/ws76/core/serve"
	"github.com/ws76/ws76/internal/deadpeer"
	wstls "github.com/ws76/ws76/transports/tls"
)

// openHub makes the channels, and joins them to those of other machines.
func (s *service) openHub(c *cli.Context) error {
	binary, err := hub.ParseBinary(c.String("binary"))
	if err != nil {
		return app.Usagef("--binary: %w", err)
	}
	most, err := listen.PendingLimit(c)
	if err != nil {
		return err
	}
	options := hub.Options{Binary: binary, MaxWaiting: most, Failed: func(channel string, err error) {
		s.Drops.Add(fmt.Sprintf("channel %q", channel), 1, err.Error())
	}}
	urls := c.StringSlice("hub")
	if len(urls) == 0 {
		for _, name := range []string{"hub-creds", "hub-cacert", "hub-cert", "hub-key"} {
			if c.String(name) != "" {
				return app.Usagef("--%s needs --hub", name)
			}
		}
	} else {
		config, err := hubTLS(c)
		if err != nil {
			return app.Usage(err)
		}
		plane, err := nats.Dial(c.Context, urls, &nats.Options{
			Credentials: c.String("hub-creds"), TLS: config, Dial: deadpeer.New(s.DeadAfter).Dial,
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

func hubTLS(c *cli.Context) (*tls.Config, error) {
	ca, cert, key := c.String("hub-cacert"), c.String("hub-cert"), c.String("hub-key")
	if ca == "" && cert == "" && key == "" {
		return nil, nil
	}
	return wstls.ClientConfig(wstls.ConfigOptions{CAFile: ca, CertFile: cert, KeyFile: key})
}

// tooSlow counts messages that the policy for slow subscribers has dropped.
func (s *service) tooSlow(where string, n uint64, why string) {
	if n > 0 {
		s.slowDropped.Add(n)
		s.Drops.Add(where, n, why)
	}
}
