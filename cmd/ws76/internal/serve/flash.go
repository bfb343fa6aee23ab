package serve

import (
	"encoding/xml"
	"net"
	"slices"
	"strings"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/front"
	"github.com/ws76/ws76/core/serve/gate"
)

// flashPorts are those that this server is reached at: of its listeners, and of --public-url. Flash asks for the policy
// at the port that it wants, or before that at 843, which may be one of them.
func flashPorts(o *front.Options, listeners []net.Listener) ([]string, error) {
	var ports []string
	for _, l := range listeners {
		if _, port, err := net.SplitHostPort(l.Addr().String()); err == nil && strings.HasPrefix(l.Addr().Network(), "tcp") {
			ports = append(ports, port)
		}
	}
	public, err := o.Public()
	if err != nil {
		return nil, err
	}
	if public != nil {
		_, port, _ := net.SplitHostPort(public.Addr)
		ports = append(ports, port)
	}
	if len(ports) == 0 {
		return nil, app.Usagef("--flash-policy: no listener has a port that could be named; say with --public-url what it is reached at")
	}
	slices.Sort(ports)
	return slices.Compact(ports), nil
}

// flashPolicy returns the policy file that lets Flash pages of the origins' hosts,
// of all where there is no list, open connections to these ports, and to no other.
func flashPolicy(list gate.Origins, ports []string) string {
	hosts := list.Names()
	if len(list) == 0 {
		hosts = []string{"*"}
	}
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><cross-domain-policy>`)
	for _, host := range hosts {
		b.WriteString(`<allow-access-from domain="`)
		xml.EscapeText(&b, []byte(host))
		b.WriteString(`" to-ports="` + strings.Join(ports, ",") + `"/>`)
	}
	b.WriteString(`</cross-domain-policy>`)
	return b.String()
}
