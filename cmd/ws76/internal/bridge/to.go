package bridge

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/child"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/bridge"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/exec"
)

// toSide opens TO.
type toSide struct {
	text     string           // for the log
	template *bridge.Template // of a WebSocket or a broker; else nil
	steady   bool             // it sees to its connection by itself
	dialer   *reach.Dialer    // of a WebSocket; else nil
	open     bridge.Opener
}

// parseTo reads TO.
func (s *span) parseTo(raw string) (*toSide, error) {
	scheme, rest, ok := strings.Cut(raw, ":")
	if !ok {
		return nil, app.Usagef("%q: want a URL like ws://HOST/, tcp://HOST:PORT or exec:COMMAND", raw)
	}
	t := &toSide{text: redactURL(raw)}
	base, _, _ := strings.Cut(scheme, "+")
	switch {
	case base == "ws" || base == "wss":
		return t, s.webSocketTo(t, raw)
	case scheme == "exec":
		t.open = s.execTo(rest)
		return t, nil
	case scheme == "stdio":
		return nil, app.Usagef("%q: the standard streams are one side for all time; write them as FROM", raw)
	}
	if is, err := s.brokerTo(t, raw); is || err != nil {
		return t, err
	}
	addr, via := raw, raw
	if scheme == "tcp" || scheme == "tls" {
		via, addr = reach.SplitPlace(scheme, rest)
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return nil, app.Usagef("%q: want %s://HOST:PORT", raw, scheme)
		}
	}
	options, err := s.transportOptions()
	if err != nil {
		return nil, err
	}
	transport, err := s.OpenTransport(via, options)
	if err != nil {
		return nil, app.Usage(err)
	}
	t.open = func(ctx context.Context, _ *bridge.Client) (relay.Endpoint, error) {
		stream, err := transport.Dial(ctx, addr)
		if err != nil {
			return nil, err
		}
		return s.stream(stream, s.kind.to, bridge.Bounds{Pending: s.pending}), nil
	}
	return t, nil
}

// way says how a WebSocket server is reached over the transport via, which flag has.
func (s *span) way(flag, via string) *reach.Options {
	way := *s.o.Reach
	way.Via, way.ViaFlag = via, flag
	return &way
}

// transportOptions are those that --resolve, -4 and -6 and the flags of TLS give.
func (s *span) transportOptions() (transports.Options, error) {
	config, err := s.clientTLS()
	if err != nil {
		return transports.Options{}, err
	}
	return s.o.Reach.Transport(config)
}

// webSocketTo fills in a TO that is a WebSocket server.
func (s *span) webSocketTo(t *toSide, raw string) error {
	var err error
	if t.template, err = bridge.ParseTemplate(withPath(raw)); err != nil {
		return app.Usagef("%q: %w", redactURL(raw), err)
	}
	fixed, _, _ := strings.Cut(raw, "{")
	fixed, _, _ = strings.Cut(fixed, "?")
	d, err := s.NewDialer(fixed, s.way("--to-via", s.o.ToVia))
	if err != nil {
		return err
	}
	d.Options.Pending = s.pending
	t.dialer = d
	to := &bridge.Dialer{URL: t.template, Options: d.Options, PassHeader: s.o.PassHeaders, Dial: s.dial}
	t.open = to.Open
	return nil
}

// dial dials TO where the plugins say that it is.
func (s *span) dial(ctx context.Context, url string, o *core.DialOptions) (*core.Conn, error) {
	own := *s.to.dialer
	own.Options = *o
	asked, err := core.ParseURL(url)
	if err != nil {
		return nil, err
	}
	if own.URL, err = s.plugins.DialURL(ctx, url); err != nil {
		return nil, err
	}
	if own.Target, err = core.ParseURL(own.URL); err != nil {
		return nil, fmt.Errorf("a plugin's connect: %w", err)
	}
	if err := own.DropSecrets(s.Env, asked); err != nil {
		return nil, err
	}
	return own.Dial(ctx)
}

// withPath makes a URL without a path ask for what the client asks for.
func withPath(raw string) string {
	_, rest, _ := strings.Cut(raw, "://")
	if strings.ContainsAny(rest, "/?{") {
		return raw
	}
	return raw + "{path}?{query}"
}

// execTo runs a command for each connection of FROM.
func (s *span) execTo(command string) bridge.Opener {
	return func(ctx context.Context, who *bridge.Client) (relay.Endpoint, error) {
		var environment []string
		if who.Request != nil {
			cgi := child.Request{Request: who.Request, Dialect: who.Dialect, Protocol: who.Protocol, Remote: who.Remote,
				Secure: who.Secure, User: who.User, Version: s.Program.Version}
			environment = cgi.Environment()
		}
		running, err := s.startChild(ctx, command, environment)
		if err != nil {
			return nil, err
		}
		return s.stream(running, s.kind.to, bridge.Bounds{Pending: s.pending}), nil
	}
}

// startChild runs a command. Its standard error goes to the log.
func (s *span) startChild(ctx context.Context, command string, environment []string) (*exec.Child, error) {
	if strings.TrimSpace(command) == "" {
		return nil, app.Usagef("exec: names no command")
	}
	c := child.Command{Env: s.Env, Flag: "exec", Line: command, MaxMessage: s.o.Hold.MaxMessage}
	return c.Start(ctx, environment)
}

// stream makes messages of a byte stream.
func (s *span) stream(stream net.Conn, o format.Options, bounds bridge.Bounds) relay.Endpoint {
	o.Warn = func(w format.DelimiterWarning) { s.Log.Warnf("%s%s: %s", s.prefix, stream.RemoteAddr(), w) }
	return bridge.NewStream(stream, o, o, bounds)
}

// openTo opens TO within --connect-timeout.
func (s *span) openTo(ctx context.Context, who *bridge.Client) (relay.Endpoint, error) {
	timeout := s.o.Reach.ConnectTimeout
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no answer within --connect-timeout %v: %w", timeout, context.DeadlineExceeded))
	defer cancel()
	return s.to.open(ctx, who)
}

// redactURL hides the password of a URL.
func redactURL(raw string) string {
	before, rest, ok := strings.Cut(raw, "://")
	at := strings.LastIndexByte(strings.SplitN(rest, "/", 2)[0], '@')
	if !ok || at < 0 {
		return raw
	}
	user, _, ok := strings.Cut(rest[:at], ":")
	if !ok {
		return raw
	}
	return before + "://" + user + ":xxxxx" + rest[at:]
}
