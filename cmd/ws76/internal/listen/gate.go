package listen

import (
	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core/serve/gate"
)

// OriginFlag is --origin of commands that listen for clients.
func OriginFlag(category string) cli.Flag {
	return &cli.StringSliceFlag{Name: "origin", Category: category,
		Usage: "allow pages of `PATTERN`, beside those of the same site, like http://*.example.org; null: pages without an origin, none: clients that send no Origin, *: all; repeatable"}
}

// HostFlag is --host of commands that listen for clients.
func HostFlag(category string) cli.Flag {
	return &cli.StringSliceFlag{Name: "host", Category: category,
		Usage: "be known as `NAME`, or the names of a pattern like *.lan, beside addresses, localhost and the host of --public-url; *: all; repeatable"}
}

// Gate is the gate of --origin and --host.
func Gate(origins, hosts []string) (*gate.Gate, error) {
	g, err := &gate.Gate{}, error(nil)
	if g.Origins, err = gate.ParseOrigins(origins); err != nil {
		return nil, app.Usagef("--origin %w", err)
	}
	if g.Hosts, err = gate.ParseHosts(hosts); err != nil {
		return nil, app.Usagef("--host %w", err)
	}
	return g, nil
}
