package main

import (
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/core/hixie"
)

// locationOf says what the response's Location must be behind a proxy. A client
// of draft 76 compares it with the URL it asked for.
func locationOf(c *cli.Context) (func(*hixie.Request) string, error) {
	public, err := publicURL(c)
	if err != nil {
		return nil, err
	}
	forwarded := c.Bool("trust-forwarded")
	if public == nil && !forwarded {
		return nil, nil
	}
	return func(r *hixie.Request) string {
		if public != nil {
			return public.Scheme + "://" + public.Host + strings.TrimSuffix(public.EscapedPath(), "/") + r.Resource
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
		scheme := "ws"
		if proto == "https" || proto == "wss" {
			scheme = "wss"
		}
		return scheme + "://" + host + r.Resource
	}, nil
}

// publicURL returns what --public-url says, nil for nothing.
func publicURL(c *cli.Context) (*url.URL, error) {
	raw := c.String("public-url")
	if raw == "" {
		return nil, nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "ws" && u.Scheme != "wss" {
		return nil, usagef("--public-url %q: want ws://HOST[:PORT] or wss://HOST[:PORT]", raw)
	}
	return u, nil
}

// lastOf returns the last entry of a list field: the one that the nearest proxy
// added, which is the one that is trusted.
func lastOf(fields hixie.Fields, name string) (string, bool) {
	values := fields.Values(name)
	if len(values) == 0 {
		return "", false
	}
	list := strings.Split(values[len(values)-1], ",")
	return strings.TrimSpace(list[len(list)-1]), true
}

// peerName is an address for the log; clients of a unix socket have none.
func peerName(addr net.Addr) string {
	if addr == nil || addr.String() == "" || addr.String() == "@" {
		return "unix socket"
	}
	return addr.String()
}

// remoteName is who a request comes from, for logs and children: with
// --trust-forwarded whom the proxy names.
func (s *service) remoteName(addr net.Addr, fields hixie.Fields) string {
	if s.forwarded {
		if name, ok := lastOf(fields, "X-Forwarded-For"); ok {
			if client, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
				return client.String()
			}
		}
	}
	return peerName(addr)
}
