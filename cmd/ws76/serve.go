package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"path"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/time/rate"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/serve"
	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/all"
	wstls "github.com/ws76/ws76/transports/tls"
)

const defaultListen = "127.0.0.1:8076"

func serveCommand(e *env) *cli.Command {
	const handshake, limits, security = "Handshake", "Limits", "Safety"
	return e.command(cli.Command{
		Name:      "serve",
		Usage:     "serve every dialect on one port",
		ArgsUsage: "[ADDR]",
		UsageText: `ws76 serve --echo                                     echo on 127.0.0.1:8076, all dialects
ws76 serve 0.0.0.0:80 --echo --origin 'http://*.lan'  for a network, pages of *.lan only
ws76 serve --echo --tls-cert c.pem --tls-key k.pem    ws:// and wss:// on the same port
ws76 serve --echo --public-url wss://example.org      behind a proxy that ends TLS
ws76 serve --echo --listen unix:///run/ws76.sock      on a unix socket instead`,
		Description: "Listens on ADDR (127.0.0.1:8076) and tells hixie-75, hixie-76 and RFC 6455 apart by what each client says. " +
			"The first ^C closes every connection properly, the second ends at once.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "echo", Usage: "send every message back"},
			&cli.StringSliceFlag{Name: "listen", Usage: "listen on `URL`, tcp://HOST:PORT or unix:///PATH, beside ADDR or in its place; repeatable"},
			&cli.StringSliceFlag{Name: "dialect", Category: handshake, Usage: "serve only `DIALECT` (hixie-75, hixie-76, rfc6455); repeatable"},
			&cli.StringSliceFlag{Name: "protocol", Category: handshake, Usage: "agree only to sub-protocol `NAME`; repeatable (default: the first offered)"},
			&cli.BoolFlag{Name: "strict", Category: handshake, Usage: "refuse what is tolerated otherwise"},
			&cli.BoolFlag{Name: "lenient-keys", Category: handshake, Usage: "take keys that do not divide, for devices that cannot be changed"},
			&cli.StringFlag{Name: "public-url", Category: handshake, Usage: "`URL` that clients see, for Location: wss://HOST[:PORT]"},
			&cli.BoolFlag{Name: "trust-forwarded", Category: handshake, Usage: "take scheme and host for Location from X-Forwarded-Proto and X-Forwarded-Host"},
			&cli.BoolFlag{Name: "no-compress", Category: handshake, Usage: "no permessage-deflate (RFC 6455)"},
			&cli.StringSliceFlag{Name: "origin", Category: security, Usage: "allow only pages of `PATTERN`, like http://*.example.org; repeatable"},
			&cli.StringFlag{Name: "tls-cert", Category: security, Usage: "certificate `FILE` (PEM); TLS and plain share the port"},
			&cli.StringFlag{Name: "tls-key", Category: security, Usage: "its key `FILE`"},
			&cli.StringFlag{Name: "tls-min", Category: security, Value: "1.2", Usage: "lowest TLS `VERSION`, 1.0 to 1.3; 1.0 and 1.1 are for old devices only"},
			&cli.IntFlag{Name: "max-conns", Category: limits, Value: 10000, Usage: "at most `N` connections"},
			sizeFlag("max-message", core.DefaultMaxMessage, limits, "largest message to take, `SIZE`"),
			&cli.Float64Flag{Name: "rate", Category: limits, Usage: "take at most `N` messages a second from a connection; faster peers have to wait (0: no limit)"},
			&cli.DurationFlag{Name: "handshake-timeout", Category: limits, Value: core.DefaultHandshakeTimeout, Usage: "allow `TIME` for the opening handshake"},
			&cli.DurationFlag{Name: "idle", Category: limits, Usage: "close a connection over which nothing passes for `TIME` (0: never)"},
			&cli.DurationFlag{Name: "close-timeout", Category: limits, Value: core.DefaultCloseTimeout, Usage: "allow `TIME` for the closing handshake"},
			&cli.DurationFlag{Name: "grace", Category: limits, Value: serve.DefaultGrace, Usage: "wait `TIME` for open connections when stopping"},
		},
		Action: func(c *cli.Context) error { return e.serve(c) },
	}, exitTransport, exitInterrupt, exitTerminate)
}

func (e *env) serve(c *cli.Context) error {
	addrs := c.StringSlice("listen")
	switch {
	case c.NArg() > 1:
		return usagef("serve takes one address, got %q", c.Args().Slice())
	case c.NArg() == 1:
		addrs = append([]string{c.Args().First()}, addrs...)
	case len(addrs) == 0:
		addrs = []string{defaultListen}
	}
	if !c.Bool("echo") {
		return usagef("serve: say what to do with messages: --echo")
	}
	server, err := e.newServer(c)
	if err != nil {
		return err
	}
	listeners, err := openListeners(c.Context, addrs)
	if err != nil {
		return err
	}
	for _, l := range listeners {
		e.log.Warnf("listening on %s", describe(l.Addr(), server.TLS != nil))
	}
	return withCode(exitTransport, server.Serve(c.Context, listeners...))
}

func describe(addr net.Addr, secure bool) string {
	if addr.Network() == "unix" {
		return "unix://" + addr.String()
	}
	if secure {
		return fmt.Sprintf("ws://%s/ and wss://%[1]s/", addr)
	}
	return fmt.Sprintf("ws://%s/", addr)
}

func openListeners(ctx context.Context, addrs []string) (_ []net.Listener, err error) {
	var open []net.Listener
	defer func() {
		if err != nil {
			for _, l := range open {
				l.Close()
			}
		}
	}()
	for _, addr := range addrs {
		via := "tcp:"
		if scheme, rest, ok := strings.Cut(addr, "://"); ok {
			if via = addr; scheme == "tcp" {
				via, addr = "tcp:", rest
			}
		} else if !strings.Contains(addr, ":") {
			return nil, usagef("listening on %q: want HOST:PORT, :PORT or a URL like unix:///run/ws76.sock", addr)
		}
		t, err := all.Transports().Open(via, transports.Options{})
		if err != nil {
			return nil, usagef("listening on %q: %w", addr, err)
		}
		listener, ok := t.(transports.Listener)
		if !ok {
			return nil, usagef("listening on %q: this transport can only dial", addr)
		}
		l, err := listener.Listen(ctx, addr)
		if err != nil {
			return nil, withCode(exitTransport, err)
		}
		open = append(open, l)
	}
	return open, nil
}

func (e *env) newServer(c *cli.Context) (*serve.Server, error) {
	location, err := locationOf(c)
	if err != nil {
		return nil, err
	}
	check, err := originCheck(c.StringSlice("origin"))
	if err != nil {
		return nil, err
	}
	dialects, err := parseDialects(c.StringSlice("dialect"))
	if err != nil {
		return nil, err
	}
	server := &serve.Server{
		Handler:  echo(c.Float64("rate")),
		MaxConns: c.Int("max-conns"),
		Idle:     c.Duration("idle"),
		Grace:    c.Duration("grace"),
		Accept: core.AcceptOptions{
			Dialects: dialects, Location: location, Check: check, Protocols: c.StringSlice("protocol"),
			LenientKeys: c.Bool("lenient-keys"), Strict: c.Bool("strict"), Compress: !c.Bool("no-compress"),
			MaxMessage: sizeOf(c, "max-message"), HandshakeTimeout: c.Duration("handshake-timeout"),
			CloseTimeout: c.Duration("close-timeout"), Trace: e.trace("server"),
		},
		Opened: func(conn *core.Conn) {
			e.log.Infof("%s: open, %s, %s", peerName(conn.RemoteAddr()), conn.Dialect(), conn.Request().Resource)
		},
		Closed: func(conn *core.Conn, err error) {
			s := conn.Stats()
			e.log.Infof("%s: %v; %d messages in, %d out", peerName(conn.RemoteAddr()), err, s.MessagesIn, s.MessagesOut)
		},
		Refused: func(remote net.Addr, err error) { e.log.Warnf("%s: %v", peerName(remote), err) },
	}
	if server.TLS, err = serverTLS(e, c); err != nil {
		return nil, err
	}
	return server, nil
}

// peerName is an address for the log; clients of a unix socket have none.
func peerName(addr net.Addr) string {
	if addr == nil || addr.String() == "" || addr.String() == "@" {
		return "unix socket"
	}
	return addr.String()
}

func serverTLS(e *env, c *cli.Context) (*tls.Config, error) {
	cert, key := c.String("tls-cert"), c.String("tls-key")
	if cert == "" && key == "" {
		return nil, nil
	}
	if cert == "" {
		return nil, usagef("--tls-key needs --tls-cert")
	}
	warnOldTLS(e, c.String("tls-min"))
	config, err := wstls.ServerConfig(cert, key, c.String("tls-min"))
	if err != nil {
		return nil, usageError{err}
	}
	return config, nil
}

func warnOldTLS(e *env, version string) {
	if version == "1.0" || version == "1.1" {
		e.log.Warnf("TLS %s is broken; use it for devices that know nothing else, on a network you trust", version)
	}
}

func parseDialects(names []string) ([]core.Dialect, error) {
	var dialects []core.Dialect
	for _, name := range names {
		d, err := parseDialect(name)
		if err != nil {
			return nil, err
		}
		dialects = append(dialects, d)
	}
	return dialects, nil
}

func parseDialect(name string) (core.Dialect, error) {
	for _, d := range core.Dialects {
		if name == string(d) || name == strings.ReplaceAll(string(d), "-", "") {
			return d, nil
		}
	}
	return "", usagef("--dialect %q: want one of %v", name, core.Dialects)
}

// echo returns a handler that sends messages back, at most perSecond of them
// from each connection; 0 is no limit.
func echo(perSecond float64) func(context.Context, *core.Conn) error {
	if perSecond <= 0 {
		return serve.Echo
	}
	return func(ctx context.Context, conn *core.Conn) error {
		limiter := rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond)))
		for {
			m, err := conn.Receive(ctx)
			if err != nil {
				return err
			}
			if err := limiter.Wait(ctx); err != nil {
				return err
			}
			if err := conn.Send(ctx, m); err != nil {
				return err
			}
		}
	}
}

// originCheck allows the origins that match a pattern; * stands for any run of
// characters but a slash. A client that sends none is no page and is let in only
// when "null" is allowed.
func originCheck(patterns []string) (func(*hixie.Request, core.Dialect) *core.Refusal, error) {
	for i, p := range patterns {
		if _, err := path.Match(p, ""); err != nil {
			return nil, usagef("--origin %q: %w", p, err)
		}
		patterns[i] = strings.ToLower(p)
	}
	if len(patterns) == 0 {
		return nil, nil
	}
	return func(r *hixie.Request, _ core.Dialect) *core.Refusal {
		origin, ok := r.Fields.Get("Origin")
		if !ok {
			origin = "null"
		}
		origin = strings.ToLower(strings.TrimSpace(origin))
		for _, p := range patterns {
			if match, _ := path.Match(p, origin); match {
				return nil
			}
		}
		return &core.Refusal{Status: 403, Reason: "Forbidden", Text: fmt.Sprintf("origin %q is not allowed here", origin)}
	}, nil
}

// locationOf says what the response's Location must be behind a proxy. A client
// of draft 76 compares it with the URL it asked for.
func locationOf(c *cli.Context) (func(*hixie.Request) string, error) {
	var public *url.URL
	if raw := c.String("public-url"); raw != "" {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" || u.Scheme != "ws" && u.Scheme != "wss" {
			return nil, usagef("--public-url %q: want ws://HOST[:PORT] or wss://HOST[:PORT]", raw)
		}
		public = u
	}
	forwarded := c.Bool("trust-forwarded")
	if public == nil && !forwarded {
		return nil, nil
	}
	return func(r *hixie.Request) string {
		if public != nil {
			return public.Scheme + "://" + public.Host + strings.TrimSuffix(public.Path, "/") + r.Resource
		}
		host, _ := r.Fields.Get("Host")
		if h, ok := lastOf(r.Fields, "X-Forwarded-Host"); ok {
			host = h
		}
		scheme := "ws"
		if proto, _ := lastOf(r.Fields, "X-Forwarded-Proto"); proto == "https" || proto == "wss" {
			scheme = "wss"
		}
		return scheme + "://" + host + r.Resource
	}, nil
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
