package broker

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Syntax is what the URLs of a kind of broker may look like.
type Syntax struct {
	Ports  map[string]string // default port by scheme
	Usage  string            // as errors show it
	Params []string          // names of parameters
	Lists  []string          // those of them that may be repeated
}

// URL is the URL of an endpoint, taken apart.
type URL struct {
	Scheme   string
	Hosts    []string // host:port; one or several brokers of which each will do
	User     string
	Password string
	Name     string // topic or subject: the path without its first slash
	Query    url.Values
}

// maxURL bounds a URL in bytes.
const maxURL = 64 << 10

// Parse reads a URL. Unlike those of the web it has no fragment, and a + is a +, so that wildcards can be written as
// they are: mqtt://host/a/#?sub=b/+/c. Errors hold no password.
func (s *Syntax) Parse(raw string) (*URL, error) {
	if len(raw) > maxURL {
		return nil, fmt.Errorf("a URL of %d bytes; %d are allowed", len(raw), maxURL)
	}
	scheme, rest, ok := strings.Cut(raw, "://")
	if _, known := s.Ports[scheme]; !ok || !known {
		return nil, fmt.Errorf("no URL of %s; want %s", strings.Join(s.Schemes(), " or "), s.Usage)
	}
	// The hosts are taken out: net/url knows one only.
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	userinfo, hosts := "", authority
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		userinfo, hosts = authority[:i+1], authority[i+1:]
	}
	path, query, _ := strings.Cut(strings.ReplaceAll(tail, "#", "%23"), "?")
	parsed, err := url.Parse(scheme + "://" + userinfo + "host" + path)
	if err != nil {
		return nil, fmt.Errorf("the URL cannot be read; want %s, and / ? # @ and %% of a password as %%2F %%3F %%23 %%40 and %%25", s.Usage)
	}
	u := &URL{Scheme: scheme, User: parsed.User.Username(), Name: strings.TrimPrefix(parsed.Path, "/")}
	u.Password, _ = parsed.User.Password()
	for host := range strings.SplitSeq(hosts, ",") {
		if host, err = hostPort(host, s.Ports[scheme]); err != nil {
			return nil, fmt.Errorf("%w; want %s", err, s.Usage)
		}
		u.Hosts = append(u.Hosts, host)
	}
	if u.Query, err = url.ParseQuery(strings.ReplaceAll(query, "+", "%2B")); err != nil {
		return nil, fmt.Errorf("the parameters of %s cannot be read: %w", Redacted(raw), err)
	}
	return u, s.check(u)
}

// Schemes returns the schemes in order.
func (s *Syntax) Schemes() []string { return slices.Sorted(maps.Keys(s.Ports)) }

func (s *Syntax) check(u *URL) error {
	for _, name := range slices.Sorted(maps.Keys(u.Query)) {
		switch values := u.Query[name]; {
		case !slices.Contains(s.Params, name):
			return fmt.Errorf("parameter %q of the URL is unknown; known are %s", name, strings.Join(s.Params, ", "))
		case len(values) > 1 && !slices.Contains(s.Lists, name):
			return fmt.Errorf("parameter %q of the URL is there %d times", name, len(values))
		case slices.ContainsFunc(values, func(v string) bool { return !utf8.ValidString(v) || strings.ContainsRune(v, 0) }):
			return fmt.Errorf("parameter %q of the URL is no UTF-8, or has a NUL in it", name)
		}
	}
	if !utf8.ValidString(u.Name) || strings.ContainsRune(u.Name, 0) {
		return fmt.Errorf("%q in the URL is no UTF-8, or has a NUL in it", u.Name)
	}
	return nil
}

// hostPort returns host:port with the default where there is no port. A host that
// is wrong may be part of a password, and is not shown.
func hostPort(host, port string) (string, error) {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host, port = host[:i], host[i+1:]
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", errors.New("the port in the URL is no number from 1 to 65535")
	}
	name := strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	switch bracketed := len(name) == len(host)-2; {
	case name == "":
		return "", errors.New("the URL names no host")
	case strings.ContainsAny(name, "[]@/?#% \t\r\n{}"), strings.Contains(name, ":") != bracketed:
		return "", errors.New("the host in the URL cannot be read")
	}
	return net.JoinHostPort(name, port), nil
}

// Bool returns a parameter that is 0 or 1.
func (u *URL) Bool(name string, otherwise bool) (bool, error) {
	switch value := u.Query.Get(name); value {
	case "":
		return otherwise, nil
	case "0", "false", "no":
		return false, nil
	case "1", "true", "yes":
		return true, nil
	default:
		return false, fmt.Errorf("parameter %s=%q of the URL: want 0 or 1", name, value)
	}
}

// Duration returns a parameter that is a time from least to most; a number is of seconds.
func (u *URL) Duration(name string, otherwise, least, most time.Duration) (time.Duration, error) {
	value := u.Query.Get(name)
	if value == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(value)
	if _, number := strconv.Atoi(value); number == nil {
		d, err = time.ParseDuration(value + "s")
	}
	if err != nil || d < least || d > most {
		return 0, fmt.Errorf("parameter %s=%q of the URL: want a time from %vs to %vs", name, value, least.Seconds(), most.Seconds())
	}
	return d, nil
}

// Envelope returns whether messages come and go in envelopes.
func (u *URL) Envelope() (bool, error) {
	switch value := u.Query.Get("envelope"); value {
	case "", "none":
		return false, nil
	case "json":
		return true, nil
	default:
		return false, fmt.Errorf("parameter envelope=%q of the URL: want json", value)
	}
}

// String returns the scheme and the hosts, for errors.
func (u *URL) String() string { return u.Scheme + "://" + strings.Join(u.Hosts, ",") }

// Redacted returns a URL for logs: xxxxx stands for who connects, since what is no
// password may be a token. It needs no URL that is right.
func Redacted(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return raw
	}
	end := len(rest)
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		end = i
	}
	at := strings.LastIndexByte(rest[:end], '@')
	if at < 0 && !plainHosts(rest[:end]) {
		at = strings.LastIndexByte(rest, '@') // a password with a slash that is not escaped
	}
	if at < 0 {
		return raw
	}
	return scheme + "://xxxxx@" + rest[at+1:]
}

// plainHosts reports whether an authority is hosts and ports alone.
func plainHosts(authority string) bool {
	for host := range strings.SplitSeq(authority, ",") {
		if _, err := hostPort(host, "1"); err != nil {
			return false
		}
	}
	return true
}
