package bridge

import (
	"cmp"
	"context"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/listen"
	"github.com/ws76/ws76/cmd/ws76/internal/outcome"
	"github.com/ws76/ws76/cmd/ws76/internal/softmodule"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/bridge"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/serve"
	"github.com/ws76/ws76/transports"
	rn131 "github.com/ws76/ws76/transports/wifly/module"
)

// fromKind is how connections of FROM come to be.
type fromKind uint8

const (
	fromWebSocket fromKind = iota // WebSockets are accepted
	fromStream                    // byte streams are accepted
	fromOpened                    // it is opened
)

// fromSide is FROM.
type fromSide struct {
	kind fromKind
	run  func(context.Context) error
}

// parseFrom reads FROM.
func (s *span) parseFrom(raw string) (*fromSide, error) {
	if raw == "-" {
		raw = "stdio:"
	}
	scheme, rest, ok := strings.Cut(raw, ":")
	if !ok {
		return nil, app.Usagef("%q: want a URL like ws://:8080, tcp://:7000, serial:///dev/ttyUSB0 or stdio:", raw)
	}
	base, dialect, _ := strings.Cut(scheme, "+")
	switch {
	case base == "ws" || base == "wss":
		return s.webSocketFrom(raw, base, dialect)
	case scheme == "wifly-module":
		return s.moduleFrom(raw)
	case scheme == "connect":
		return s.connectFrom(rest)
	case scheme == "stdio":
		return s.fromOpening(s.openStdio), nil
	case scheme == "exec":
		return s.fromOpening(func(ctx context.Context, _ *bridge.Client) (relay.Endpoint, error) {
			running, err := s.startChild(ctx, rest, nil)
			if err != nil {
				return nil, err
			}
			return s.stream(running, s.kind.from, bridge.Bounds{Pending: s.pending}), nil
		}), nil
	}
	if from, err := s.brokerFrom(raw); from != nil || err != nil {
		return from, err
	}
	if _, err := s.OpenTransport(scheme+":"+rest, transports.Options{}); err != nil && scheme != "tcp" {
		return nil, app.Usage(err)
	}
	return &fromSide{fromStream, func(ctx context.Context) error {
		listeners, err := listen.OnAll(ctx, s.Env, []string{raw})
		if err != nil {
			return err
		}
		return s.runStreams(ctx, listeners[0])
	}}, nil
}

// webSocketFrom is FROM where clients speak WebSocket.
func (s *span) webSocketFrom(raw, scheme, dialect string) (*fromSide, error) {
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, app.Usagef("%q: want %s://[HOST]:PORT, with a path to serve only that; to connect there write connect:%s", redactURL(raw), scheme, redactURL(raw))
	}
	accept, err := s.acceptOptions(dialect)
	if err != nil {
		return nil, err
	}
	if scheme == "wss" {
		if s.front.Secure == nil {
			return nil, app.Usagef("%q: wss:// needs --tls-cert", raw)
		}
	}
	addr := s.o.FromVia
	if addr == "" {
		port := u.Port()
		if port == "" {
			port = map[string]string{"ws": "80", "wss": "443"}[scheme]
		}
		addr = net.JoinHostPort(u.Hostname(), port)
	}
	path := strings.TrimSuffix(u.Path, "/")
	return &fromSide{fromWebSocket, func(ctx context.Context) error {
		listeners, err := listen.OnAll(ctx, s.Env, []string{addr})
		if err != nil {
			return err
		}
		s.Log.Warnf("%sbridging %s to %s", s.prefix, listen.Describe(listeners[0].Addr(), s.front.Secure != nil), s.to.text)
		return s.runWebSockets(ctx, listeners[0], accept, path)
	}}, nil
}

func (s *span) acceptOptions(dialect string) (core.AcceptOptions, error) {
	o := core.AcceptOptions{
		LenientKeys: s.o.LenientKeys, Strict: s.o.Reach.Strict, Compress: s.o.Reach.Compress, MaxMessage: s.o.Hold.MaxMessage,
		// The client is answered once TO is there.
		HandshakeTimeout: s.o.Handshake + s.o.Reach.ConnectTimeout,
		CloseTimeout:     s.o.Reach.CloseTimeout, Trace: s.Trace("server"),
		Pending: s.pending, MessageTimeout: s.o.Hold.MessageTimeout, WriteTimeout: s.o.Hold.WriteTimeout,
	}
	if dialect != "" {
		d, err := core.ParseDialect(dialect)
		if err != nil {
			return o, app.Usage(err)
		}
		o.Dialects = []core.Dialect{d}
	}
	var err error
	o.Location, err = s.o.Front.Location()
	return o, err
}

// runWebSockets serves clients until ctx ends.
func (s *span) runWebSockets(ctx context.Context, l net.Listener, accept core.AcceptOptions, path string) error {
	server := &serve.Server{
		Accept: accept, Gate: s.front.Gate, TLS: s.front.Secure,
		MaxConns: s.o.MaxConns, Idle: s.o.Idle, DeadAfter: s.DeadAfter,
		Refused: func(remote net.Addr, err error) { s.front.TurnAway(s.prefix, remote, err) },
	}
	err := s.bridge(&bridge.WebSockets{Listener: l, Server: server, Path: path}).Run(ctx)
	return app.WithCode(app.ExitTransport, err)
}

// runStreams serves byte streams until ctx ends.
func (s *span) runStreams(ctx context.Context, l net.Listener) error {
	s.Log.Warnf("%sbridging %s to %s", s.prefix, plainAddr(l.Addr()), s.to.text)
	bounds := bridge.Bounds{Pending: s.pending, MessageTimeout: s.o.Hold.MessageTimeout, WriteTimeout: s.o.Hold.WriteTimeout}
	from := &bridge.Streams{
		Listener: l, Name: plainAddr(l.Addr()), MaxConns: s.o.MaxConns,
		Endpoint: func(stream net.Conn) relay.Endpoint { return s.stream(stream, s.kind.from, bounds) },
	}
	return app.WithCode(app.ExitTransport, s.bridge(from).Run(ctx))
}

func plainAddr(a net.Addr) string {
	if a.Network() == "tcp" {
		return "tcp://" + a.String()
	}
	return listen.Describe(a, false)
}

// fromOpening is FROM where it is opened, and opened again where --reconnect says so.
func (s *span) fromOpening(open bridge.Opener) *fromSide {
	return &fromSide{fromOpened, func(ctx context.Context) error {
		from := &bridge.Opened{Open: open, Retries: bridge.Retries{Most: s.o.Retries}}
		if s.o.Reconnect {
			from.Again = func(err error) bool { return err == nil || outcome.Retryable(err) }
		}
		err := s.bridge(from).Run(ctx)
		if _, gaveUp := err.(*bridge.GaveUpError); gaveUp {
			return app.WithCode(app.ExitConnect, err)
		}
		return err
	}}
}

// openStdio is FROM on the standard streams.
func (s *span) openStdio(ctx context.Context, _ *bridge.Client) (relay.Endpoint, error) {
	t, err := s.OpenTransport("stdio:", transports.Options{})
	if err != nil {
		return nil, err
	}
	stream, err := t.Dial(ctx, "")
	if err != nil {
		return nil, err
	}
	o := s.kind.from
	o.Escape = app.IsTerminal(s.Stdout) // no escape sequence of a peer reaches it
	// Nobody ends standard input because standard output has ended.
	return s.stream(wholeStream{stream}, o, bridge.Bounds{Pending: s.pending}), nil
}

// wholeStream is a stream without CloseWrite.
type wholeStream struct{ net.Conn }

// connectFrom is FROM where it is a WebSocket server.
func (s *span) connectFrom(raw string) (*fromSide, error) {
	way := s.way("--from-via", cmp.Or(s.o.FromVia, "tcp:"))
	d, err := s.NewDialer(raw, way)
	if err != nil {
		return nil, err
	}
	d.Options.Pending = s.pending
	open := func(ctx context.Context, c *bridge.Client) (relay.Endpoint, error) {
		own := *d
		if c.Trace != nil {
			own.Options.Trace = c.Trace(own.Options.Trace, relay.A)
		}
		conn, err := own.Dial(ctx)
		if err != nil {
			return nil, err
		}
		return conn, nil
	}
	return s.fromOpening(open), nil
}

// moduleFrom is FROM where it is a WiFly module in software: whatever its host opens
// a connection to, it gets the bridge.
func (s *span) moduleFrom(raw string) (*fromSide, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host != "" {
		return nil, app.Usagef("%q: want wifly-module:///PATH?baud=RATE, PATH a link to be made to the terminal, or wifly-module:?port=serial:///DEVICE", raw)
	}
	if err := transports.CheckQuery(u, "baud", "firmware", "settings", "running", "port", "fault"); err != nil {
		return nil, app.Usagef("%q: %w", raw, err)
	}
	accept, err := s.acceptOptions("")
	if err != nil {
		return nil, err
	}
	accept.HandshakeTimeout = max(accept.HandshakeTimeout, softmodule.HandshakeTimeout)
	query := u.Query()
	module := &softmodule.Module{Port: query.Get("port"), Link: u.Path, File: query.Get("settings"), Fault: query.Get("fault")}
	module.Firmware, module.Seed = cmp.Or(query.Get("firmware"), rn131.DefaultFirmware), 1
	if running := query.Get("running"); running != "" {
		if module.Running, err = strconv.ParseBool(running); err != nil {
			return nil, app.Usagef("%q: running=%s: want true or false", raw, running)
		}
	}
	if baud := query.Get("baud"); baud != "" {
		if module.Baud, err = strconv.Atoi(baud); err != nil {
			return nil, app.Usagef("%q: baud=%s: want a number", raw, baud)
		}
	}
	if err := module.Prepare(s.Env); err != nil {
		return nil, err
	}
	return &fromSide{fromWebSocket, func(ctx context.Context) error { return s.runModule(ctx, module, accept) }}, nil
}
