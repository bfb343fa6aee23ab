package reach

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"strings"

	"golang.org/x/net/http/httpproxy"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/all"
	wsexec "github.com/ws76/ws76/transports/exec"
	"github.com/ws76/ws76/transports/tcp"
	"github.com/ws76/ws76/transports/wifly"
)

// TransportProgram is what the name of an executable begins with that is a transport: the scheme follows.
const TransportProgram = "ws76-transport-"

// OpenTransport opens a transport of those that are built in or, where none has
// the scheme, an executable on PATH. Of o it fills in the streams of the process.
func (e *Env) OpenTransport(raw string, o transports.Options) (transports.Transport, error) {
	scheme, _, _ := strings.Cut(strings.ToLower(raw), ":")
	o.Stdin, o.Stdout, o.Stderr = app.FileOf(e.Stdin), app.FileOf(e.Stdout), e.ChildSays(scheme)
	o.Environ, o.Contained = e.ChildEnviron, e.Children.Contained
	o.DeadAfter = e.DeadAfter
	r := all.Transports()
	t, err := r.Open(raw, o)
	if module, ok := t.(*wifly.Transport); ok {
		e.Adopt(module)
	}
	if !errors.Is(err, transports.ErrUnknown) {
		return t, err
	}
	if path, missing := exec.LookPath(TransportProgram + scheme); missing == nil && scheme != "" {
		r.Register(wsexec.Program(scheme, path))
		return r.Open(raw, o)
	}
	var known []string
	for _, entry := range r.Entries() {
		known = append(known, entry.Scheme)
	}
	return nil, fmt.Errorf("%w; an executable %s%s on PATH would be one too%s", err, TransportProgram, scheme, app.DidYouMean(scheme, known, "%s:"))
}

// SplitPlace takes a URL like tcp://HOST:PORT?keepalive=5s, of which rest follows the
// scheme, apart into that of the transport and the place, HOST:PORT.
func SplitPlace(scheme, rest string) (via, place string) {
	place, query, has := strings.Cut(strings.TrimPrefix(rest, "//"), "?")
	via = scheme + ":"
	if has {
		via += "?" + query
	}
	return via, place
}

// TransportExamples lists the transports for help.
func TransportExamples() string {
	var examples []string
	for _, entry := range all.Transports().Entries() {
		examples = append(examples, entry.Example)
	}
	return strings.Join(examples, ", ")
}

// proxied dials what direct would dial, through a proxy.
type proxied struct {
	direct *tcp.Transport
	proxy  transports.Transport
}

func (p proxied) Dial(ctx context.Context, addr string) (net.Conn, error) {
	return p.proxy.Dial(ctx, p.direct.Target(addr))
}

// Reaches is for transports.Reacher.
func (p proxied) Reaches(addr string, listen bool) []transports.Reach {
	return transports.Reaches(p.proxy, p.direct.Target(addr), listen)
}

// throughProxy returns direct, or the way through the proxy that --proxy or the environment asks for.
func (e *Env) throughProxy(way *Options, direct *tcp.Transport, target core.Target, o transports.Options) (transports.Transport, error) {
	proxy, err := e.proxyURL(way, &url.URL{Scheme: map[bool]string{false: "http", true: "https"}[target.Secure], Host: direct.Target(target.Addr)})
	if err != nil || proxy == nil {
		return direct, err
	}
	switch proxy.Scheme {
	case "socks5", "socks5h", "http", "https":
	default:
		return nil, app.Usagef("proxy %q: want socks5://, socks5h://, http:// or https://", proxy.Redacted())
	}
	t, err := e.OpenTransport(proxy.String(), o)
	if err != nil {
		return nil, app.Usagef("proxy: %w", err)
	}
	e.Log.Infof("through the proxy %s", proxy.Redacted())
	return proxied{direct, t}, nil
}

// proxyURL returns the proxy on the way to target, nil for none. --proxy is for every target; the variables are those
// of other programs, which leave out loopback addresses and what NO_PROXY names.
func (e *Env) proxyURL(way *Options, target *url.URL) (*url.URL, error) {
	if way.Proxy != nil {
		raw := *way.Proxy
		if raw == "" || raw == "none" {
			return nil, nil
		}
		if !strings.Contains(raw, "://") {
			raw = "http://" + raw
		}
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" { // the error would show a password
			return nil, app.Usagef("--proxy: it is no URL like socks5://HOST:PORT or http://HOST:PORT")
		}
		return u, nil
	}
	// Each name in upper and lower case, the more particular first.
	variable := func(names ...string) string {
		for _, name := range names {
			for _, name := range []string{name, strings.ToLower(name)} {
				if value := e.Getenv(name); value != "" {
					return value
				}
			}
		}
		return ""
	}
	config := httpproxy.Config{
		HTTPProxy:  variable("HTTP_PROXY", "ALL_PROXY"),
		HTTPSProxy: variable("HTTPS_PROXY", "ALL_PROXY"),
		NoProxy:    variable("NO_PROXY"),
		CGI:        e.Getenv("REQUEST_METHOD") != "",
	}
	u, err := config.ProxyFunc()(target)
	if err != nil {
		return nil, app.Usagef("the proxy of the environment (HTTP_PROXY and others) is no URL like http://HOST:PORT")
	}
	return u, nil
}
