package front

import (
	"net"
	"net/netip"
	"strings"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/serve/gate"
	"github.com/ws76/ws76/transports"
)

// Location says what the response's Location must be behind a proxy. A client
// of draft 76 compares it with the URL it asked for.
func (o *Options) Location() (func(*hixie.Request) string, error) {
	public, err := o.Public()
	if err != nil {
		return nil, err
	}
	if public == nil && !o.Forwarded {
		return nil, nil
	}
	path := ""
	if public != nil {
		path, _, _ = strings.Cut(public.Resource, "?")
		path = strings.TrimSuffix(path, "/")
	}
	return func(r *hixie.Request) string {
		if public != nil {
			return scheme(public.Secure) + public.Host + path + r.Resource
		}
		proto, hasProto := lastOf(r.Fields, "X-Forwarded-Proto")
		forwarded, hasHost := lastOf(r.Fields, "X-Forwarded-Host")
		if !hasProto && !hasHost {
			return "" // it came straight here
		}
		host, _ := r.Fields.Get("Host")
		if hasHost {
			host = forwarded
		}
		return scheme(proto == "https" || proto == "wss") + host + r.Resource
	}, nil
}

func scheme(secure bool) string {
	if secure {
		return "wss://"
	}
	return "ws://"
}

// Public returns what --public-url says, nil for nothing.
func (o *Options) Public() (*core.Target, error) {
	if o.PublicURL == "" {
		return nil, nil
	}
	t, err := core.ParseURL(o.PublicURL)
	if err != nil || t.Dialect != "" {
		return nil, app.Usagef("--public-url %q: want ws://HOST[:PORT] or wss://HOST[:PORT]", transports.Redact(o.PublicURL))
	}
	return &t, nil
}

// lastOf returns the last entry of a list field: the one that the nearest proxy
// added, which is the one that is trusted.
func lastOf(fields hixie.Fields, name string) (string, bool) {
	values := fields.Values(name)
	if len(values) == 0 {
		return "", false
	}
	return gate.Last(values[len(values)-1]), true
}

// PeerName is an address for the log; clients of a unix socket have none.
func PeerName(addr net.Addr) string {
	if addr == nil || addr.String() == "" || addr.String() == "@" {
		return "unix socket"
	}
	return addr.String()
}

// RemoteName is who a request comes from, for logs and children: with --trust-forwarded whom the proxy names.
func (f *Front) RemoteName(addr net.Addr, fields hixie.Fields) string {
	if f.Forwarded {
		if name, ok := lastOf(fields, "X-Forwarded-For"); ok {
			if client, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
				return client.String()
			}
		}
	}
	return PeerName(addr)
}
