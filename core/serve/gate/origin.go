package gate

import (
	"fmt"
	"net/netip"
	"strings"
)

// origin is an Origin taken apart (RFC 6454, section 7).
type origin struct {
	scheme, host string
	port         int // the scheme's own where none is named; 0: none
}

// splitOrigin takes apart an Origin, of which ok says whether it is one. null is none.
func splitOrigin(text string) (o origin, ok bool) {
	scheme, rest, ok := strings.Cut(text, "://")
	if rest = strings.TrimSuffix(rest, "/"); !ok || scheme == "" || strings.ContainsAny(rest, "/?#@\\ \t,") {
		return origin{}, false
	}
	o.scheme = scheme
	if rest == "" {
		return o, equalFold(scheme, "file")
	}
	if end := strings.LastIndexByte(rest, ':'); end > strings.LastIndexByte(rest, ']') {
		if o.port, ok = parsePort(rest[end+1:]); !ok {
			return origin{}, false
		}
		rest = rest[:end]
	}
	if o.port == 0 {
		o.port = defaultPort(scheme)
	}
	rest = strings.TrimSuffix(rest, ".") // as in a Host
	o.host = rest
	if rest = bare(rest); rest == "" {
		return origin{}, false
	}
	if o.host[0] == '[' {
		_, ok = parseIPv6(o.host)
		return o, ok
	}
	return o, strings.IndexByte(rest, ':') < 0
}

func defaultPort(scheme string) int {
	switch {
	case equalFold(scheme, "http"):
		return 80
	case equalFold(scheme, "https"):
		return 443
	}
	return 0
}

// pattern is what pages may come from.
type pattern struct {
	kind   kind
	scheme string
	host   name       // nil: an address of IPv6, or no host at all
	addr   netip.Addr // of IPv6
	port   int        // -1: any
}

type kind uint8

const (
	pages kind = iota
	null       // pages without an origin of their own
	none       // what sends none
	all        // all of these
)

// Origins are pages that are let in.
type Origins []pattern

// ParseOrigins reads origins: SCHEME://HOST[:PORT], in which a * in a label of HOST stands for any run of characters,
// as its whole first label for one or more labels, and as PORT for any; null for pages without an origin of their own,
// none for what sends no Origin, * for all. An error begins with the value in quotes.
func ParseOrigins(values []string) (Origins, error) {
	var origins Origins
	for _, value := range values {
		p, err := parsePattern(value)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", value, err)
		}
		origins = append(origins, p)
	}
	return origins, nil
}

func parsePattern(value string) (p pattern, err error) {
	switch value = strings.ToLower(value); value {
	case "null":
		return pattern{kind: null}, nil
	case "none":
		return pattern{kind: none}, nil
	case "*":
		return pattern{kind: all}, nil
	}
	const want = "want http://HOST[:PORT] or https://HOST[:PORT], in which * may stand for labels of HOST or for PORT; or null, none, *"
	scheme, rest, ok := strings.Cut(value, "://")
	switch {
	case !ok:
		return p, fmt.Errorf("it names no scheme; %s", want)
	case scheme == "ws" || scheme == "wss":
		return p, fmt.Errorf("pages have no address of this kind; %s", want)
	case scheme == "" || strings.ContainsFunc(scheme, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '+' && c != '-' && c != '.'
	}):
		return p, fmt.Errorf("%q is no scheme; %s", scheme, want)
	}
	p.scheme = scheme
	if rest = strings.TrimSuffix(rest, "/"); rest == "" && scheme == "file" {
		return p, nil
	}
	host := rest
	p.port = defaultPort(scheme)
	if end := strings.LastIndexByte(rest, ':'); end > strings.LastIndexByte(rest, ']') {
		host = rest[:end]
		port := rest[end+1:]
		if n, ok := parsePort(port); port == "*" {
			p.port = -1
		} else if ok && n > 0 {
			p.port = n
		} else {
			return p, fmt.Errorf("%q is no port; %s", port, want)
		}
	}
	if strings.HasPrefix(host, "[") {
		if p.addr, ok = parseIPv6(host); !ok || p.addr.Zone() != "" {
			return p, fmt.Errorf("%q is no address of IPv6; %s", host, want)
		}
		return p, nil
	}
	if strings.ContainsAny(host, "/?#@") {
		return p, fmt.Errorf("an origin ends with its host or port; %s", want)
	}
	if p.host, err = parseName(strings.TrimSuffix(host, ".")); err != nil {
		return p, fmt.Errorf("%w; %s", err, want)
	}
	return p, nil
}

func (p *pattern) match(o *origin) bool {
	if !equalFold(p.scheme, o.scheme) || p.port >= 0 && p.port != o.port {
		return false
	}
	if p.host != nil {
		return p.host.match(o.host)
	}
	if !p.addr.IsValid() {
		return o.host == ""
	}
	addr, ok := parseIPv6(o.host)
	return ok && addr == p.addr
}

// allow reports whether pages with an Origin are listed; o is it taken apart, where it can be.
func (list Origins) allow(text string, o *origin, isOrigin bool) bool {
	for i := range list {
		switch p := &list[i]; p.kind {
		case all:
			return true
		case null:
			if equalFold(text, "null") {
				return true
			}
		case pages:
			if isOrigin && p.match(o) {
				return true
			}
		}
	}
	return false
}

// none reports whether what sends no Origin is listed.
func (list Origins) none() bool { return list.has(none) || list.has(all) }

// any reports whether all are.
func (list Origins) any() bool { return list.has(all) }

func (list Origins) has(k kind) bool {
	for i := range list {
		if list[i].kind == k {
			return true
		}
	}
	return false
}

// Names returns the host names and patterns that are listed, and "*" where all are.
func (list Origins) Names() (names []string) {
	for i := range list {
		switch p := &list[i]; {
		case p.kind == all:
			names = append(names, "*")
		case p.addr.IsValid():
			names = append(names, p.addr.String())
		case p.host != nil:
			names = append(names, strings.Join(p.host, "."))
		}
	}
	return names
}
