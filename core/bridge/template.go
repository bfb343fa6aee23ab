package bridge

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Template is an address with names in braces in its path and query:
//
//	ws://server/devices/{query.id}{path}?from={remote}
//
// What a client puts there cannot lead anywhere else: it is escaped, and refused
// where escaping does not help, as with a segment "..". Scheme, user, host and port
// are as written. Its zero value is not usable; see [ParseTemplate].
type Template struct {
	parts []part
	names bool // there are names in it
}

// part is text, or a name that stands for some.
type part struct {
	text  string
	name  string
	query bool // behind the question mark
}

// Values are what the names of a Template stand for. An empty string is not there.
type Values struct {
	Path    string // as it was sent, percent-encoded
	Query   string // as it was sent
	Origin  string
	Remote  string // an address, without the port
	Channel string // as in /ws/CHANNEL/rw, decoded
}

// ParseTemplate reads an address. Known names are path, query, query.NAME, origin,
// remote and channel.
func ParseTemplate(raw string) (*Template, error) {
	t := &Template{}
	// Braces belong behind the host.
	start := strings.Index(raw, "://")
	if start < 0 {
		start = 0
	} else {
		start += len("://")
	}
	if end := strings.IndexAny(raw[start:], "/?{"); end >= 0 {
		start += end
	} else {
		start = len(raw)
	}
	if strings.HasSuffix(raw[:start], "://") && strings.HasPrefix(raw[start:], "{") {
		return nil, fmt.Errorf("%q has no host", raw)
	}
	if rest := raw[start:]; strings.HasPrefix(rest, "{") && !strings.HasPrefix(rest, "{path}") {
		return nil, fmt.Errorf("%q: behind the host only {path} may stand, which begins with a slash", rest)
	}
	if i := strings.IndexAny(raw[:start], "{}"); i >= 0 {
		return nil, fmt.Errorf("%q at byte %d: a name in braces may stand in the path and the query only", raw[i], i)
	}
	t.text(raw[:start], false)
	rest, query := raw[start:], false
	for rest != "" {
		open := strings.IndexAny(rest, "{}")
		if open < 0 {
			open = len(rest)
		}
		t.text(rest[:open], query)
		query = query || strings.Contains(rest[:open], "?")
		if rest = rest[open:]; rest == "" {
			break
		}
		end := strings.IndexByte(rest, '}')
		if rest[0] == '}' || end < 0 {
			return nil, fmt.Errorf("%q without its counterpart at byte %d", rest[0], len(raw)-len(rest))
		}
		name := rest[1:end]
		if !knownName(name) {
			return nil, fmt.Errorf("no name {%s}; there are {path}, {query}, {query.NAME}, {origin}, {remote} and {channel}", name)
		}
		t.parts = append(t.parts, part{name: name, query: query})
		t.names = true
		rest = rest[end+1:]
	}
	return t, nil
}

func (t *Template) text(s string, query bool) {
	if s != "" {
		t.parts = append(t.parts, part{text: s, query: query})
	}
}

func knownName(name string) bool {
	switch name {
	case "path", "query", "origin", "remote", "channel":
		return true
	}
	return strings.HasPrefix(name, "query.") && len(name) > len("query.")
}

// HasNames reports whether there are names in the address.
func (t *Template) HasNames() bool { return t.names }

// Expand returns the address for v. refused are bytes that no value may have, once
// decoded, such as the wildcards of a broker.
func (t *Template) Expand(v *Values, refused string) (string, error) {
	var b []byte
	path := false // has something of the client's
	for _, p := range t.parts {
		if p.name == "" {
			b = append(b, p.text...)
			continue
		}
		if p.name == "query" && v.Query == "" {
			b = bytes.TrimSuffix(b, []byte("?"))
			continue
		}
		value, err := v.get(p.name, p.query)
		if err != nil {
			return "", fmt.Errorf("{%s}: %w", p.name, err)
		}
		if err := check(value, refused); err != nil {
			return "", fmt.Errorf("{%s}: %w", p.name, err)
		}
		b = append(b, value...)
		path = path || !p.query
	}
	if path {
		if err := checkSegments(string(b)); err != nil {
			return "", err
		}
	}
	return string(b), nil
}

// get returns what a name stands for, escaped for its place.
func (v *Values) get(name string, query bool) (string, error) {
	escape := url.PathEscape
	if query {
		escape = url.QueryEscape
	}
	switch name {
	case "path":
		if query {
			return url.QueryEscape(v.Path), nil
		}
		if !strings.HasPrefix(v.Path, "/") {
			return "", fmt.Errorf("%q does not begin with a slash", v.Path)
		}
		return escapeRaw(v.Path, "/"), nil
	case "query":
		if query {
			return escapeRaw(v.Query, "/?"), nil
		}
		return url.PathEscape(v.Query), nil
	case "origin":
		return escape(v.Origin), nil
	case "remote":
		return escape(v.Remote), nil
	case "channel":
		if v.Channel == "" {
			return "", errors.New("the client has asked for no channel, a path like /ws/CHANNEL/rw")
		}
		return escape(v.Channel), nil
	}
	name = strings.TrimPrefix(name, "query.")
	values, err := url.ParseQuery(v.Query)
	if err != nil {
		return "", fmt.Errorf("the query cannot be read: %w", err)
	}
	switch len(values[name]) {
	case 0:
		return "", fmt.Errorf("the query has no %q", name)
	case 1:
		return escape(values[name][0]), nil
	}
	return "", fmt.Errorf("the query has %q %d times", name, len(values[name]))
}

// unreserved are the characters of RFC 3986, section 3.3 that stand for themselves
// in paths and queries.
const unreserved = "-._~!$&'()*+,;=:@"

// escapeRaw keeps what was escaped already and escapes what should have been.
func escapeRaw(s, more string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			strings.IndexByte(unreserved, c) >= 0, strings.IndexByte(more, c) >= 0,
			c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// check looks for bytes that no value may have.
func check(value, refused string) error {
	decoded, err := url.PathUnescape(value)
	if err != nil {
		return err
	}
	for i := range len(decoded) {
		if c := decoded[i]; c < ' ' || c == 0x7F || strings.IndexByte(refused, c) >= 0 {
			return fmt.Errorf("%q may not be in it", c)
		}
	}
	return nil
}

// checkSegments refuses a path that climbs, however that is written.
func checkSegments(address string) error {
	if _, rest, ok := strings.Cut(address, "://"); ok {
		address = rest
	}
	path, _, _ := strings.Cut(address, "?")
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return err
	}
	for segment := range strings.FieldsFuncSeq(decoded, func(r rune) bool { return r == '/' || r == '\\' }) {
		if segment == "." || segment == ".." {
			return fmt.Errorf("a path with the segment %q is not passed on", segment)
		}
	}
	return nil
}
