package bridge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/child"
	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/bridge"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/core/serve/channels"
	"github.com/ws76/ws76/scripts"
	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/exec"
)

// client is what is known of a connection of FROM when TO is to be opened.
type client struct {
	remote    string
	request   *hixie.Request // nil: it is no WebSocket
	protocols []string       // offered
	protocol  string         // answered; "" before, and where there is none
	secure    bool
	dialect   core.Dialect
	user      string
	accepted  bool                    // a client of ours: it was not dialled
	frames    func() *scripts.Session // who sees the frames of both sides; nil: nobody
}

// trace returns trace with on_frame for a side, where a script has that.
func (c *client) trace(trace *core.Trace, side relay.Side) *core.Trace {
	if c.frames == nil {
		return trace
	}
	return hooks.TraceFrames(trace, c.frames, side)
}

// values are what names in braces stand for.
func (c *client) values() *bridge.Values {
	v := &bridge.Values{Remote: c.remote}
	if host, _, err := net.SplitHostPort(c.remote); err == nil {
		v.Remote = host
	}
	if c.request == nil {
		return v
	}
	v.Path, v.Query, _ = strings.Cut(c.request.Resource, "?")
	v.Origin = core.OriginOf(c.request.Fields)
	if path, ok, err := channels.ParsePath(c.request.Resource); ok && err == nil {
		v.Channel = path.Channel
	}
	return v
}

// upstream is a TO that is open.
type upstream struct {
	relay.Endpoint
	conn *core.Conn // the same, where it is a WebSocket; else nil
	// header is what TO has answered that its client is to be told; until that is.
	header hixie.Fields
}

// arrived is how many messages have come from a side that has ended, taken or not, and 0
// where nobody counts them.
func (u *upstream) arrived() uint64 {
	if u == nil {
		return 0
	}
	if u.conn != nil {
		return u.conn.Stats().MessagesIn
	}
	if e, ok := u.Endpoint.(interface{ Arrived() uint64 }); ok {
		return e.Arrived()
	}
	return 0
}

// read is how many bytes have come from a WebSocket, and 0 from anything else.
func (u *upstream) read() uint64 {
	if u == nil || u.conn == nil {
		return 0
	}
	return u.conn.Stats().BytesIn
}

// unread reports whether there is something to read that nobody has.
func (u *upstream) unread() bool {
	if u == nil {
		return false
	}
	e, ok := u.Endpoint.(interface{ Unread() bool })
	return ok && e.Unread()
}

// setCookies are the fields that the drafts and RFC 6265 set cookies with.
var setCookies = []string{"Set-Cookie", "Set-Cookie2"}

// toSide opens TO.
type toSide struct {
	text     string           // for the log
	template *bridge.Template // of a WebSocket or a broker; else nil
	steady   bool             // it sees to its connection by itself
	dialer   *reach.Dialer    // of a WebSocket; else nil
	open     func(context.Context, *client) (*upstream, error)
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
	t.open = func(ctx context.Context, _ *client) (*upstream, error) {
		stream, err := transport.Dial(ctx, addr)
		if err != nil {
			return nil, err
		}
		return &upstream{Endpoint: s.stream(stream, s.kind.to, bridge.Bounds{Pending: s.pending})}, nil
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
	passed := s.o.PassHeaders
	cookies := slices.ContainsFunc(passed, func(name string) bool { return strings.EqualFold(name, "Cookie") })
	t.open = func(ctx context.Context, who *client) (*upstream, error) {
		own := *d // its options are those of one connection
		var err error
		if own.URL, err = t.template.Expand(who.values(), ""); err != nil {
			return nil, &addressError{err}
		}
		asked, err := core.ParseURL(own.URL)
		if err != nil {
			return nil, &addressError{err}
		}
		if own.URL, err = s.plugins.DialURL(ctx, own.URL); err != nil {
			return nil, err
		}
		if own.Target, err = core.ParseURL(own.URL); err != nil {
			return nil, fmt.Errorf("a plugin's connect: %w", err)
		}
		own.Options.Protocols = who.protocols
		if who.protocol != "" {
			own.Options.Protocols = []string{who.protocol}
		}
		if own.Options.Dialect != core.RFC6455 && len(own.Options.Protocols) > 1 {
			own.Options.Protocols = own.Options.Protocols[:1] // the drafts know one
		}
		if who.request != nil {
			if own.Options.Origin == "" {
				own.Options.Origin = core.OriginOf(who.request.Fields)
			}
			own.Options.Header = append(own.Options.Header[:len(own.Options.Header):len(own.Options.Header)], fieldsNamed(who.request.Fields, passed)...)
		}
		if err := own.DropSecrets(s.Env, asked); err != nil {
			return nil, err
		}
		own.Options.Trace = who.trace(own.Options.Trace, relay.B)
		var header hixie.Fields
		if cookies {
			own.Options.Opened = func(r *hixie.Response) { header = fieldsNamed(r.Fields, setCookies) }
		}
		conn, err := own.Dial(ctx)
		if err != nil {
			return nil, err
		}
		if who.protocol != conn.Protocol() && who.protocol != "" {
			conn.Close(ctx)
			return nil, fmt.Errorf("TO agrees to sub-protocol %q now, and %q was agreed on", conn.Protocol(), who.protocol)
		}
		return &upstream{Endpoint: conn, conn: conn, header: header}, nil
	}
	return nil
}

// addressError says that a client's request makes no address of TO.
type addressError struct{ error }

func (e *addressError) Unwrap() error { return e.error }

// withPath makes a URL without a path ask for what the client asks for.
func withPath(raw string) string {
	_, rest, _ := strings.Cut(raw, "://")
	if strings.ContainsAny(rest, "/?{") {
		return raw
	}
	return raw + "{path}?{query}"
}

// fieldsNamed returns the fields of these names.
func fieldsNamed(fields hixie.Fields, names []string) (named hixie.Fields) {
	for _, f := range fields {
		if slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, f.Name) }) {
			named = append(named, f)
		}
	}
	return named
}

// execTo runs a command for each connection of FROM.
func (s *span) execTo(command string) func(context.Context, *client) (*upstream, error) {
	return func(ctx context.Context, who *client) (*upstream, error) {
		var environment []string
		if who.request != nil {
			cgi := child.Request{Request: who.request, Dialect: who.dialect, Protocol: who.protocol, Remote: who.remote,
				Secure: who.secure, User: who.user, Version: s.Program.Version}
			environment = cgi.Environment()
		}
		running, err := s.startChild(ctx, command, environment)
		if err != nil {
			return nil, err
		}
		return &upstream{Endpoint: s.stream(running, s.kind.to, bridge.Bounds{Pending: s.pending})}, nil
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
	o.Warn = func(w format.DelimiterWarning) { s.Log.Warnf("%s%s: %s", s.sessions.prefix, stream.RemoteAddr(), w) }
	return bridge.NewStream(stream, o, o, bounds)
}

// openTo opens TO within --connect-timeout.
func (s *span) openTo(ctx context.Context, who *client) (*upstream, error) {
	timeout := s.o.Reach.ConnectTimeout
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no answer within --connect-timeout %v: %w", timeout, context.DeadlineExceeded))
	defer cancel()
	return s.to.open(ctx, who)
}

// refusal is what a client is told when TO could not be opened.
func refusal(err error) *core.Refusal {
	var address *addressError
	if errors.As(err, &address) {
		return &core.Refusal{Status: 400, Reason: "Bad Request", Text: fmt.Sprintf("no address on the other side of the bridge: %v", err)}
	}
	return bridge.Refusal(err)
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

// closeUpstream closes a TO that no connection came to.
func (s *span) closeUpstream(up *upstream) {
	ctx, cancel := context.WithTimeout(context.Background(), max(s.o.Reach.CloseTimeout, time.Second))
	defer cancel()
	up.Close(ctx)
}
