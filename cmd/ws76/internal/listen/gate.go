package listen

import (
	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core/serve/gate"
)

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
