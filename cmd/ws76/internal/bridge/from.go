package bridge

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/front"
	"github.com/ws76/ws76/cmd/ws76/internal/listen"
	"github.com/ws76/ws76/cmd/ws76/internal/outcome"
	"github.com/ws76/ws76/cmd/ws76/internal/softmodule"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/bridge"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/serve"
	"github.com/ws76/ws76/internal/accept"
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
		return &fromSide{fromOpened, func(ctx context.Context) error { return s.runOpened(ctx, s.openStdio) }}, nil
	case scheme == "exec":
		open := func(ctx context.Context, _ *client) (*upstream, error) {
			running, err := s.startChild(ctx, rest, nil)
			if err != nil {
				return nil, err
			}
			return &upstream{Endpoint: s.stream(running, s.kind.from, bridge.Bounds{Pending: s.pending})}, nil
		}
		return &fromSide{fromOpened, func(ctx context.Context) error { return s.runOpened(ctx, open) }}, nil
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
		s.Log.Warnf("%sbridging %s to %s", s.sessions.prefix, listen.Describe(listeners[0].Addr(), s.front.Secure != nil), s.to.text)
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
	server := serve.Server{
		Accept: accept, Gate: s.front.Gate, TLS: s.front.Secure, Loops: -1,
		MaxConns: s.o.MaxConns, Idle: s.o.Idle, DeadAfter: s.DeadAfter, Grace: s.o.Grace,
		Refused: func(remote net.Addr, err error) { s.front.TurnAway(s.sessions.prefix, remote, err) },
	}
	server.Route = func(o *serve.Opening) (serve.Service, *core.Refusal) { return s.route(ctx, o, path, accept.Trace) }
	return app.WithCode(app.ExitTransport, server.Serve(ctx, l))
}

// route opens TO for a client, who is answered then.
func (s *span) route(ctx context.Context, o *serve.Opening, path string, trace *core.Trace) (serve.Service, *core.Refusal) {
	asked, _, _ := strings.Cut(o.Request.Resource, "?")
	if path != "" && strings.TrimSuffix(asked, "/") != path {
		return serve.Service{}, front.NotFound(fmt.Errorf("only %s is served here", path))
	}
	who := &client{
		remote: s.front.RemoteName(o.RemoteAddr(), o.Request.Fields), request: o.Request.Clone(), protocols: offered(o.Request.Fields),
		secure: o.Secure, dialect: o.Dialect, user: front.UserOf(o.Grant),
	}
	join := s.newJoin(who)
	agreed, refused := join.askScripts(o)
	if refused != nil {
		return serve.Service{}, refused
	}
	if agreed != "" {
		who.protocols = []string{agreed}
	}
	up, err := s.openTo(ctx, who)
	if err != nil {
		return serve.Service{}, refusal(err)
	}
	settings := &serve.Settings{}
	if up.conn != nil { // what TO agrees to, the client is told
		settings.Protocols = []string{}
		if up.conn.Protocol() != "" {
			settings.Protocols = []string{up.conn.Protocol()}
		}
	} else if agreed != "" {
		settings.Protocols = []string{agreed}
	}
	who.accepted = true
	if s.buffer == 0 {
		who.request = nil // nobody asks again, and it is as long as the connection's memory otherwise
	}
	header := up.header
	up.header = nil
	return serve.Service{
		Settings: settings,
		Header:   header,
		Trace:    who.trace(trace, relay.A),
		Handler: func(ctx context.Context, conn *core.Conn) error {
			who.protocol = conn.Protocol()
			return join.webSocket(ctx, conn, up)
		},
		Abandoned: func(error) { s.closeUpstream(up) },
	}, nil
}

// offered returns the sub-protocols that a client would speak.
func offered(fields hixie.Fields) (names []string) {
	for _, field := range []string{"Sec-WebSocket-Protocol", "WebSocket-Protocol"} {
		for _, value := range fields.Values(field) {
			names = append(names, strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })...)
		}
	}
	for i, name := range names {
		names[i] = strings.Clone(name)
	}
	return names
}

// runStreams serves byte streams until ctx ends.
func (s *span) runStreams(ctx context.Context, l net.Listener) error {
	s.Log.Warnf("%sbridging %s to %s", s.sessions.prefix, plainAddr(l.Addr()), s.to.text)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var sessions sync.WaitGroup
	defer sessions.Wait()
	room := make(chan struct{}, max(1, s.o.MaxConns))
	notice := func(err error) { s.Log.Warnf("%s%s: %v", s.sessions.prefix, plainAddr(l.Addr()), err) }
	err := accept.Each(ctx, l, notice, func(stream net.Conn) {
		select {
		case room <- struct{}{}:
		default:
			s.Log.Warnf("%s%s: turned away, %d connections are open already", s.sessions.prefix, front.PeerName(stream.RemoteAddr()), cap(room))
			stream.Close()
			return
		}
		sessions.Go(func() {
			defer func() { <-room }()
			s.serveStream(ctx, stream)
		})
	})
	stop(err)
	return app.WithCode(app.ExitTransport, err)
}

func plainAddr(a net.Addr) string {
	if a.Network() == "tcp" {
		return "tcp://" + a.String()
	}
	return listen.Describe(a, false)
}

// serveStream opens TO for a byte stream and joins the two.
func (s *span) serveStream(ctx context.Context, stream net.Conn) {
	who := &client{remote: front.PeerName(stream.RemoteAddr())}
	join := s.newJoin(who)
	bounds := bridge.Bounds{Pending: s.pending, MessageTimeout: s.o.Hold.MessageTimeout, WriteTimeout: s.o.Hold.WriteTimeout}
	from := &upstream{Endpoint: s.stream(stream, s.kind.from, bounds)}
	to, err := s.openFor(ctx, who)
	if err != nil {
		pause, _ := new(bridge.Retries).Failed(err)
		s.Log.Warnf("%s%s: %s: %v; closed in %v", s.sessions.prefix, who.remote, s.to.text, err, pause.Round(time.Millisecond))
		// A serial line is there again at once, and would be for ever.
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		stream.Close()
		return
	}
	join.endpoints(ctx, from, to)
}

// openFor opens TO, except that a buffer sees to that by itself: nil then.
func (s *span) openFor(ctx context.Context, who *client) (*upstream, error) {
	if s.buffer > 0 {
		return nil, nil
	}
	return s.openTo(ctx, who)
}

// runOpened opens FROM, and again where --reconnect says so.
func (s *span) runOpened(ctx context.Context, open func(context.Context, *client) (*upstream, error)) error {
	retries := bridge.Retries{Most: s.o.Retries}
	for {
		started := time.Now()
		err := s.once(ctx, open)
		if ctx.Err() != nil && s.command.Err() == nil {
			return nil
		}
		if !s.o.Reconnect || ctx.Err() != nil || err != nil && !outcome.Retryable(err) {
			return err
		}
		if time.Since(started) > time.Minute {
			retries.Opened()
		}
		pause, gaveUp := retries.Failed(err)
		if gaveUp != nil {
			return app.WithCode(app.ExitConnect, gaveUp)
		}
		s.Log.Warnf("%s%v; again in %v", s.sessions.prefix, outcome.End(err), pause.Round(time.Millisecond))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *span) once(ctx context.Context, open func(context.Context, *client) (*upstream, error)) error {
	who := &client{remote: "FROM"}
	join := s.newJoin(who)
	from, err := open(ctx, who)
	if err != nil {
		return err
	}
	if from.conn != nil {
		who.protocol = from.conn.Protocol()
	}
	to, err := s.openFor(ctx, who)
	if err != nil {
		s.closeUpstream(from)
		return err
	}
	return join.endpoints(ctx, from, to)
}

// openStdio is FROM on the standard streams.
func (s *span) openStdio(ctx context.Context, _ *client) (*upstream, error) {
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
	return &upstream{Endpoint: s.stream(wholeStream{stream}, o, bridge.Bounds{Pending: s.pending})}, nil
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
	open := func(ctx context.Context, who *client) (*upstream, error) {
		own := *d
		own.Options.Trace = who.trace(own.Options.Trace, relay.A)
		conn, err := own.Dial(ctx)
		if err != nil {
			return nil, err
		}
		return &upstream{Endpoint: conn, conn: conn}, nil
	}
	return &fromSide{fromOpened, func(ctx context.Context) error { return s.runOpened(ctx, open) }}, nil
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
