// Package proxy is the transport through a proxy: SOCKS5, or HTTP and HTTPS with
// CONNECT. Names are resolved by the proxy, never here.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/ws76/ws76/internal/deadline"
	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/tcp"
	"github.com/ws76/ws76/transports/tls"
)

// Entries are what the registry knows of this transport: one for each scheme.
var Entries = []transports.Entry{
	entry("socks5", "a SOCKS5 proxy at HOST[:1080], with a password as in socks5://USER:PASSWORD@HOST", "socks5://127.0.0.1:1080"),
	entry("socks5h", "the same; the proxy resolves names in both", "socks5h://127.0.0.1:1080"),
	entry("http", "an HTTP proxy at HOST[:80] with CONNECT, with a password as in http://USER:PASSWORD@HOST", "http://proxy:3128"),
	entry("https", "the same over TLS at HOST[:443]", "https://proxy:3129"),
}

func entry(scheme, summary, example string) transports.Entry {
	return transports.Entry{
		Scheme: scheme, Summary: summary, Example: example,
		Open: func(u *url.URL, o transports.Options) (transports.Transport, error) {
			return Open(u, o)
		},
	}
}

// What a proxy refused, wrapped by the errors of Dial. Where neither is, the proxy
// was not reached or broke its protocol.
var (
	ErrAuth    = errors.New("the proxy refused the login")
	ErrRefused = errors.New("the proxy did not reach the target")
)

// Transport dials through one proxy. It implements transports.Transport and may be used from several goroutines.
type Transport struct {
	scheme  string
	addr    string // of the proxy
	under   transports.Transport
	connect func(ctx context.Context, conn net.Conn, addr string, user *url.Userinfo) (net.Conn, error)
	user    *url.Userinfo
}

// Open makes the transport of a proxy's URL. The options are for reaching the proxy; o.TLS is how an https one is
// checked, but for the server name and client certificate, which are for the target.
func Open(u *url.URL, o transports.Options) (*Transport, error) {
	if err := transports.CheckQuery(u); err != nil {
		return nil, err
	}
	if u.Hostname() == "" || u.Opaque != "" || u.Path != "" && u.Path != "/" {
		return nil, fmt.Errorf("want %s://HOST:PORT", u.Scheme)
	}
	t := &Transport{scheme: u.Scheme, user: u.User, connect: httpConnect}
	port := u.Port()
	under, err := tcp.Open(&url.URL{Scheme: "tcp"}, o)
	if err != nil {
		return nil, err
	}
	t.under = under
	switch u.Scheme {
	case "socks5", "socks5h":
		t.connect = socksConnect
		if port == "" {
			port = "1080"
		}
	case "http":
		if port == "" {
			port = "80"
		}
	case "https":
		config := o.TLS
		if config != nil {
			config = config.Clone()
			config.ServerName, config.Certificates = "", nil
		}
		t.under = tls.New(under, config)
		if port == "" {
			port = "443"
		}
	default:
		return nil, fmt.Errorf("%s is none of socks5, socks5h, http, https", u.Scheme)
	}
	t.addr = net.JoinHostPort(u.Hostname(), port)
	return t, nil
}

// Dial has the proxy connect to addr, "host:port". The error is a *transports.DialError that tells whether the proxy
// was not reached, refused the login (ErrAuth) or did not reach addr (ErrRefused).
func (t *Transport) Dial(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := t.under.Dial(ctx, t.addr)
	if err != nil {
		hint := "it is the proxy that was not reached"
		var dial *transports.DialError
		if errors.As(err, &dial) && dial.Hint != "" {
			hint = "it is the proxy that was not reached: " + dial.Hint
			dial.Hint = ""
		}
		return nil, &transports.DialError{Transport: t.scheme, Addr: addr, Hint: hint, Err: fmt.Errorf("proxy: %w", err)}
	}
	open, err := t.through(ctx, conn, addr)
	if err != nil {
		conn.Close()
		return nil, &transports.DialError{Transport: t.scheme, Addr: addr, Hint: hint(err), Err: fmt.Errorf("proxy %s: %w", t.addr, err)}
	}
	return open, nil
}

// through does the handshake with the proxy within ctx.
func (t *Transport) through(ctx context.Context, conn net.Conn, addr string) (net.Conn, error) {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return nil, err
	}
	stop := deadline.Interrupt(ctx, conn.SetDeadline)
	open, err := t.connect(ctx, conn, addr, t.user)
	if _, ok := ctx.Deadline(); ok && errors.Is(err, os.ErrDeadlineExceeded) {
		<-ctx.Done() // the library has set the same time on the connection, where it may pass first
	}
	switch {
	case !stop():
		return nil, context.Cause(ctx)
	case err != nil && ctx.Err() != nil: // the library was quicker to end it
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	}
	return open, conn.SetDeadline(time.Time{})
}

func hint(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return ""
	case errors.Is(err, ErrAuth):
		return "is the login in the proxy's URL right? It is written SCHEME://USER:PASSWORD@HOST:PORT"
	case errors.Is(err, ErrRefused):
		return "the proxy itself works: is the target up, and allowed there?"
	case transports.Timeout(err):
		return "the proxy was reached but did not answer in time"
	}
	return "is it a proxy of that kind?"
}

// Reaches is for transports.Reacher: the proxy, and what it dials.
func (t *Transport) Reaches(addr string, listen bool) []transports.Reach {
	return append(transports.ReachesAddr(addr, "tcp", listen), transports.Reach{Kind: "net", Target: t.addr, By: t.scheme})
}
