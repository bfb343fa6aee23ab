package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/serve/channels"
	"github.com/ws76/ws76/core/serve/gate"
)

// originFlag and hostFlag are those of the commands that listen for clients.
func originFlag(category string) cli.Flag {
	return &cli.StringSliceFlag{Name: "origin", Category: category,
		Usage: "allow pages of `PATTERN`, beside those of the same site, like http://*.example.org; null: pages without an origin, none: clients that send no Origin, *: all; repeatable"}
}

func hostFlag(category string) cli.Flag {
	return &cli.StringSliceFlag{Name: "host", Category: category,
		Usage: "be known as `NAME`, or the names of a pattern like *.lan, beside addresses, localhost and the host of --public-url; *: all; repeatable"}
}

// openGate reads who may come in.
func (s *service) openGate(c *cli.Context) error {
	g, err := readGate(c.StringSlice("origin"), c.StringSlice("host"))
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

// readGate is the gate of --origin and --host.
func readGate(origins, hosts []string) (*gate.Gate, error) {
	g, err := &gate.Gate{}, error(nil)
	if g.Origins, err = gate.ParseOrigins(origins); err != nil {
		return nil, app.Usagef("--origin %w", err)
	}
	if g.Hosts, err = gate.ParseHosts(hosts); err != nil {
		return nil, app.Usagef("--host %w", err)
	}
	return g, nil
}

// isChannel reports whether plain HTTP finds messages there.
func isChannel(resource string) bool {
	_, below, _ := channels.ParsePath(resource)
	return below
}

// checkProtocols refuses names that could not stand in an answer, or be asked for.
func checkProtocols(names []string) error {
	for _, name := range names {
		if name == "" || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' || c == ',' }) {
			return app.Usagef("--protocol %q: a sub-protocol is a word of ASCII without blanks and commas", name)
		}
	}
	return nil
}

// originOf returns the origin of a request, "" for none. RFC 6455's older drafts
// call the field Sec-WebSocket-Origin.
func originOf(fields hixie.Fields) string {
	for _, name := range []string{"Origin", "Sec-WebSocket-Origin"} {
		if origin, ok := fields.Get(name); ok {
			return origin
		}
	}
	return ""
}
