package main

import (
	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/listen"
	"github.com/ws76/ws76/core/serve/channels"
)

// openGate reads who may come in.
func (s *service) openGate(c *cli.Context) error {
	g, err := listen.ReadGate(c.StringSlice("origin"), c.StringSlice("host"))
	if err != nil {
		return err
	}
	g.Forwarded, g.Client, g.Messages, g.Everybody = s.forwarded, s.remoteName, isChannel, "/healthz"
	if g.Public, err = publicURL(c); err != nil {
		return err
	}
	if s.authFile = c.String("auth-file"); s.authFile != "" {
		if err := s.loadUsers(s.authFile); err != nil {
			return app.Usage(err)
		}
	}
	s.gate, g.Users = g, s.guard
	return nil
}

// isChannel reports whether plain HTTP finds messages there.
func isChannel(resource string) bool {
	_, below, _ := channels.ParsePath(resource)
	return below
}
