package core

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// Target is a WebSocket URL taken apart (draft 76, section 3.1).
type Target struct {
	Dialect  Dialect // from ws+hixie75:// and the like; "" where the URL does not say
	Secure   bool    // wss
	Addr     string  // what to dial: host:port, IPv6 in brackets
	Host     string  // what the Host field says: lower case, the port only where it is not the default
	Name     string  // the host alone, for TLS
	Resource string  // path and query; "/" for an empty path
	User     *url.Userinfo
}

// ParseURL reads ws://host[:port]/path?query, wss://…, and the forms that name a dialect: ws+hixie75://, ws+hixie76://,
// ws+rfc6455:// and their wss+…. International names are turned into ASCII.
func ParseURL(raw string) (Target, error) {
	u, err := url.Parse(raw)
	if err != nil {
		if ue, ok := err.(*url.Error); ok {
			err = ue.Err
		}
		return Target{}, fmt.Errorf("URL %q: %w", redacted(raw), err)
	}
	bad := func(format string, args ...any) (Target, error) {
		return Target{}, fmt.Errorf("URL %q: %s", u.Redacted(), fmt.Sprintf(format, args...))
	}
	var t Target
	scheme, dialect, named := strings.Cut(u.Scheme, "+")
	switch scheme {
	case "ws":
	case "wss":
		t.Secure = true
	case "http", "https":
		return bad("scheme %q is plain HTTP; write %s://", u.Scheme, strings.Replace(scheme, "http", "ws", 1))
	default:
		return bad("it must begin with ws:// or wss://")
	}
	if named {
		if t.Dialect, err = ParseDialect(dialect); err != nil {
			return bad("%v", err)
		}
	}
	if u.Hostname() == "" {
		return bad("it has no host")
	}
	if strings.Contains(raw, "#") {
		return bad("a fragment (#) is not allowed")
	}
	if t.Name, err = asciiHost(u.Hostname()); err != nil {
		return bad("host: %v", err)
	}
	port, other := "80", u.Port()
	if t.Secure {
		port = "443"
	}
	t.Host = t.Name
	if strings.Contains(t.Name, ":") {
		t.Host = "[" + t.Name + "]"
	}
	if other != "" && other != port {
		t.Host, port = t.Host+":"+other, other
	}
	t.Addr = net.JoinHostPort(t.Name, port)
	// RequestURI escapes what may not stand in a request line and keeps the rest as written.
	t.Resource, t.User = u.RequestURI(), u.User
	return t, nil
}

// redacted hides the user and password of a URL that cannot be taken apart.
func redacted(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if at := strings.LastIndexByte(rest, '@'); ok && at >= 0 {
		return scheme + "://xxxxx" + rest[at:]
	}
	return raw
}

func asciiHost(name string) (string, error) {
	if strings.Contains(name, ":") { // IPv6
		return strings.ToLower(name), nil
	}
	for i := range len(name) {
		if name[i] >= 0x80 {
			return idna.Lookup.ToASCII(name)
		}
	}
	return strings.ToLower(name), nil
}

// origin is what a page of the target's own site would send.
func (t *Target) origin() string {
	if t.Secure {
		return "https://" + t.Host
	}
	return "http://" + t.Host
}
