package serve

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/child"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/cmd/ws76/internal/front"
	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/cmd/ws76/internal/listen"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hub"
	"github.com/ws76/ws76/core/hub/nats"
	"github.com/ws76/ws76/core/serve"
	"github.com/ws76/ws76/core/serve/channels"
	"github.com/ws76/ws76/core/serve/metrics"
	"github.com/ws76/ws76/core/serve/static"
	"github.com/ws76/ws76/plugins/record"
	wstls "github.com/ws76/ws76/transports/tls"
)

const servePending = "hold at most `SIZE`, over all connections, of each of two: unfinished messages, those that have not come whole, with answers that are not read; " +
	"and waiting messages, those of channels or --exec-shared that clients have not read. Where it is more, the clients that hold most are given up"

// Command is ws76 serve.
func Command(e *reach.Env) *cli.Command {
	const services, handshake, limits, security, many = "What is served", "Handshake", "Limits", "Safety", "Many machines"
	return e.Command(cli.Command{
		Name:      "serve",
		Usage:     "serve every dialect on one port: channels, a dashboard, children, an echo",
		ArgsUsage: "[ADDR]",
		UsageText: `ws76 serve                                            channels at ws://127.0.0.1:8076/ws/CHANNEL/rw
ws76 serve 0.0.0.0:80 --host box.lan                  for a network, where this machine is box.lan
ws76 serve --origin 'http://*.lan'                    pages of *.lan may talk to it, too
ws76 serve --echo                                     send every message back
ws76 serve --exec ./answer.sh                         a child per connection, messages as lines
ws76 serve --echo --script upper.lua                  a script sees every message
ws76 serve --tls-cert c.pem --tls-key k.pem           ws:// and wss:// on the same port
ws76 serve --public-url wss://example.org             behind a proxy that ends TLS
ws76 serve --hub nats://localhost                     the same channels on many machines`,
		Description: "Listens on ADDR (127.0.0.1:8076) and tells hixie-75, hixie-76 and RFC 6455 apart by what each client says. " +
			"/ws/CHANNEL/rw is a channel: what one publishes the others get; with ro a client only gets messages, with wo it only publishes. " +
			"A browser is shown a dashboard at http://ADDR/. Other paths are for --echo, --exec or --exec-shared. " +
			"The first ^C closes every connection properly, the second ends at once.",
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "echo", Category: services, Usage: "on other paths, send every message back (/echo always does)"},
			&cli.StringFlag{Name: "exec", Category: services, Usage: "on other paths, run `COMMAND` for each connection: messages are lines of its standard input and output"},
			&cli.StringFlag{Name: "exec-shared", Category: services, Usage: "on other paths, run one `COMMAND` for all connections: each gets all that it writes"},
			app.ExecEnvFlag(services),
			&cli.StringFlag{Name: "static", Category: services, Usage: "serve the files of `DIR` over HTTP"},
			&cli.BoolFlag{Name: "no-dashboard", Category: services, Usage: "no dashboard"},
			&cli.StringFlag{Name: "metrics", Category: services, Value: "/metrics", Usage: "metrics for Prometheus at `PATH`; off: nowhere"},
			&cli.StringSliceFlag{Name: "listen", Category: services, Usage: "listen on `URL` as well, or in place of ADDR: tcp://HOST:PORT, unix:///PATH, serial:///DEVICE, wifly:///DEVICE, fd:N; repeatable"},
			flags.Words(cli.GenericFlag{Name: "dialect", Category: handshake, Usage: "serve only `DIALECT`, %s; repeatable"}, core.Dialects...),
			&cli.StringSliceFlag{Name: "protocol", Category: handshake, Usage: "agree only to sub-protocol `NAME`; repeatable (default: the first offered)"},
			&cli.BoolFlag{Name: "strict", Category: handshake, Usage: "refuse what is tolerated otherwise"},
			&cli.BoolFlag{Name: "lenient-keys", Category: handshake, Usage: "take keys that do not divide, for devices that cannot be changed"},
			&cli.StringFlag{Name: "public-url", Category: handshake, Usage: "`URL` that clients see, for Location: wss://HOST[:PORT]"},
			&cli.BoolFlag{Name: "trust-forwarded", Category: handshake, Usage: "take scheme and host for Location, and the client's address, from X-Forwarded-Proto, -Host and -For"},
			&cli.BoolFlag{Name: "no-compress", Category: handshake, Usage: "no permessage-deflate (RFC 6455)"},
			&cli.BoolFlag{Name: "flash-policy", Category: handshake, Usage: "answer the policy request of Flash, for the hosts of --origin"},
			flags.Word(cli.GenericFlag{Name: "binary", Category: handshake, Usage: "`HOW` channels give binary messages to clients of the drafts: %s"}, "refuse", "refuse (leave out and count)", "base64", "hex", "latin1"),
			listen.OriginFlag(security),
			listen.HostFlag(security),
			&cli.StringFlag{Name: "auth-file", Category: security, Usage: "let in only the users of `FILE`, lines USER:PASSWORD or those of htpasswd -B"},
			&cli.StringFlag{Name: "tls-cert", Category: security, Usage: "certificate `FILE` (PEM); TLS and plain share the port"},
			&cli.StringFlag{Name: "tls-key", Category: security, Usage: "its key `FILE`"},
			flags.Word(cli.GenericFlag{Name: "tls-min", Category: security, Usage: "lowest TLS `VERSION`, %s; 1.0 and 1.1 are for old devices only"}, "1.2", wstls.Versions...),
			&cli.IntFlag{Name: "max-conns", Category: limits, Value: 10000, Usage: "at most `N` connections"},
			flags.Size(cli.GenericFlag{Name: "max-message", Category: limits, Usage: "largest message to take, `SIZE`"}, core.DefaultMaxMessage),
			&cli.Float64Flag{Name: "rate", Category: limits, Usage: "take at most `N` messages a second from a connection; faster peers have to wait (0: no limit)"},
			&cli.IntFlag{Name: "queue", Category: limits, Value: serve.DefaultQueue, Usage: "let at most `N` messages of channels wait for a connection that reads slowly"},
			flags.Word(cli.GenericFlag{Name: "slow", Category: limits, Usage: "`WHAT` to do when that is full: %s"}, core.DropOldest.String(), core.SlowNames...),
			flags.Time(cli.GenericFlag{Name: "handshake-timeout", Category: limits, Usage: "allow `TIME` for the opening handshake"}, core.DefaultHandshakeTimeout),
			flags.Time(cli.GenericFlag{Name: "idle", Category: limits, Usage: "close a connection over which nothing passes for `TIME` (0: never)"}, 0),
			flags.Time(cli.GenericFlag{Name: "close-timeout", Category: limits, Usage: "allow `TIME` for the closing handshake"}, core.DefaultCloseTimeout),
			flags.Time(cli.GenericFlag{Name: "grace", Category: limits, Usage: "wait `TIME` for open connections when stopping"}, serve.DefaultGrace),
			&cli.StringSliceFlag{Name: "hub", Category: many, Usage: "share channels over the NATS server at `URL`, nats://[USER:PASSWORD@]HOST[:PORT] or tls://…; repeatable"},
			&cli.StringFlag{Name: "hub-creds", Category: many, Usage: "credentials `FILE` for NATS, as nsc writes it"},
			&cli.StringFlag{Name: "hub-cacert", Category: many, Usage: "trust the authorities in `FILE` (PEM) for NATS"},
			&cli.StringFlag{Name: "hub-cert", Category: many, Usage: "show NATS the certificate in `FILE` (PEM)"},
			&cli.StringFlag{Name: "hub-key", Category: many, Usage: "its key `FILE`"},
			reach.DeadFlag(limits),
			hooks.RecordFlag(),
		}, append(listen.HoldFlags(limits, servePending), hooks.Flags()...)...),
		Action: func(c *cli.Context) error { return runServe(e, c) },
	}, app.ExitConnect, app.ExitScript, app.ExitTransport, app.ExitInterrupt, app.ExitTerminate)
}

// service is what a serve command has running.
type service struct {
	front.Front
	server    serve.Server
	hub       *hub.Hub
	channels  channels.Events
	metrics   *metrics.Metrics
	static    *static.Dir
	exec      *child.Command
	shared    *sharedChild
	recorder  *record.Recorder // nil without --record
	tasks     sync.WaitGroup   // of joins
	echo      bool
	settings  serve.Settings
	dashboard bool
	plain     bool // an echo need not know who is there: no log, no scripts, no proxy
	started   time.Time

	plane *nats.Backplane // nil: this machine alone
	slow  core.Slow

	stopping                chan struct{} // closed when the server begins to stop
	refusals, binaryDropped atomic.Uint64
	// Of those that have a hub.Endpoint: what the policy dropped, and what was in the
	// queue still when a connection ended.
	slowDropped, queuedUnsent atomic.Uint64

	mu       sync.Mutex
	handlers handlers
}

func runServe(e *reach.Env, c *cli.Context) error {
	addrs, err := listen.Addresses(e, c.Args().Slice(), c.StringSlice("listen"))
	if err != nil {
		return err
	}
	e.Children.Contained = true
	ctx, exit := context.WithCancelCause(c.Context)
	defer exit(nil)
	s, err := NewService(e, c)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.loadScripts(c, exit); err != nil {
		return err
	}
	var recorded func()
	if s.recorder, recorded, err = hooks.NewRecorder(e.Env, c); err != nil {
		return err
	}
	defer recorded()
	listeners, err := listen.OnAll(c.Context, e, addrs)
	if err != nil {
		return err
	}
	if err := s.begin(c, listeners); err != nil {
		for _, l := range listeners {
			l.Close()
		}
		return err
	}
	for _, l := range listeners {
		e.Log.Warnf("listening on %s", listen.Describe(l.Addr(), s.server.TLS != nil))
	}
	e.DenseGC()
	if err := s.Run(ctx, listeners); err != nil {
		return app.WithCode(app.ExitTransport, err)
	}
	if c.Context.Err() == nil { // a script has ended it
		return context.Cause(ctx)
	}
	return nil
}

// begin does what is to be done once the ports are known, and before anybody is served.
func (s *service) begin(c *cli.Context, listeners []net.Listener) error {
	if c.Bool("flash-policy") {
		ports, err := flashPorts(c, listeners)
		if err != nil {
			return err
		}
		s.server.Accept.FlashPolicy = flashPolicy(s.Gate.Origins, ports)
	}
	return s.Scripts.Start()
}

// Run serves until ctx ends.
func (s *service) Run(ctx context.Context, listeners []net.Listener) error {
	var unsent, notKnown uint64 // before it stops
	defer context.AfterFunc(ctx, func() {
		s.metrics.Stopping()
		unsent, notKnown = s.unsent(), s.notKnown()
		close(s.stopping)
	})()
	s.plain = len(s.Scripts) == 0 && s.recorder == nil && !s.Forwarded && !s.Log.Enabled(slog.LevelInfo)
	s.server.LongEvents = len(s.Scripts) > 0
	defer app.OnHangup(s.Reload)()
	err := s.server.Serve(ctx, listeners...)
	if ctx.Err() != nil {
		<-s.stopping
		if n := s.unsent() - unsent; n > 0 {
			s.Log.Warnf("%d messages were not sent: their connections were closing", n)
		}
		if n := s.notKnown() - notKnown; n > 0 {
			s.Log.Warnf("of %d messages it is not known whether they arrived: their connections did not end properly", n)
		}
	}
	return err
}

// unsent is how many messages were taken for connections that ended before.
func (s *service) unsent() uint64 { return s.server.Stats().Unsent + s.queuedUnsent.Load() }

// notKnown is of how many messages nobody knows whether they arrived.
func (s *service) notKnown() uint64 {
	_, of := s.totals()
	return of.NotKnown
}

// NewService reads the command line and opens what it names, but for addresses.
func NewService(e *reach.Env, c *cli.Context) (_ *service, err error) {
	s := &service{
		Front: front.Front{Env: e}, echo: c.Bool("echo"), dashboard: !c.Bool("no-dashboard"),
		started: time.Now(), stopping: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if err := s.configure(c); err != nil {
		return nil, err
	}
	if name := c.String("static"); name != "" {
		if s.static, err = static.Open(name); err != nil {
			return nil, app.Usage(err)
		}
	}
	if err := s.openHub(c); err != nil {
		return nil, err
	}
	if err := s.startChildren(c); err != nil {
		return nil, err
	}
	s.server.HTTP, err = s.newHTTP(c)
	return s, err
}

// configure reads what needs nothing to be opened.
func (s *service) configure(c *cli.Context) (err error) {
	if s.slow, err = core.ParseSlow(c.String("slow")); err != nil {
		return app.Usagef("--slow: %w", err)
	}
	pending, err := listen.PendingBudget(c)
	if err != nil {
		return err
	}
	if err := listen.CheckProtocols(c.StringSlice("protocol")); err != nil {
		return err
	}
	location, err := front.LocationOf(c)
	if err != nil {
		return err
	}
	var dialects []core.Dialect
	for _, name := range flags.Chosen(c, "dialect") {
		dialects = append(dialects, core.Dialect(name))
	}
	s.metrics = metrics.New(s.fillMetrics, s.health)
	if err := s.Open(c, front.IsChannel); err != nil {
		return err
	}
	s.server = serve.Server{
		Route:     s.route,
		Gate:      s.Gate,
		MaxConns:  c.Int("max-conns"),
		Idle:      c.Duration("idle"),
		DeadAfter: app.BoundOf(c, "dead-after"),
		Grace:     c.Duration("grace"),
		Settings:  serve.Settings{Rate: c.Float64("rate"), Queue: c.Int("queue"), Slow: s.slow},
		Accept: core.AcceptOptions{
			Dialects: dialects, Location: location, Protocols: c.StringSlice("protocol"),
			LenientKeys: c.Bool("lenient-keys"), Strict: c.Bool("strict"), Compress: !c.Bool("no-compress"),
			MaxMessage: flags.Bytes(c, "max-message"), HandshakeTimeout: c.Duration("handshake-timeout"),
			CloseTimeout: c.Duration("close-timeout"), Trace: s.Trace("server"),
			Pending: pending, MessageTimeout: app.BoundOf(c, "message-timeout"), WriteTimeout: app.BoundOf(c, "write-timeout"),
		},
		Closed: s.leave, Refused: s.refused,
	}
	s.server.Quick = s.quickHealth
	s.settings = s.server.Settings
	s.server.TLS = s.Secure
	return nil
}

// Close ends what newService has opened, once the server has ended.
func (s *service) Close() {
	hooks.Stop(s.Scripts, s.server.Accept.CloseTimeout)
	s.tasks.Wait()
	if s.shared != nil {
		s.shared.stop()
	}
	if s.hub != nil {
		if err := s.hub.Close(); err != nil {
			s.Log.Warnf("%v", err)
		}
	}
	if s.static != nil {
		s.static.Close()
	}
	s.Front.Close()
}

// startChildren makes ready what runs --exec and --exec-shared.
func (s *service) startChildren(c *cli.Context) error {
	command, shared := c.String("exec"), c.String("exec-shared")
	n := 0
	for _, given := range []bool{s.echo, command != "", shared != ""} {
		if given {
			n++
		}
	}
	if n > 1 {
		return app.Usagef("serve: --echo, --exec and --exec-shared are for the same paths; want one of them")
	}
	if command == "" && shared == "" {
		return nil
	}
	if command != "" {
		s.exec = &child.Command{Env: s.Env, Flag: "exec", Line: command, MaxMessage: flags.Bytes(c, "max-message")}
		return nil
	}
	binary, err := hub.ParseBinary(c.String("binary"))
	if err != nil {
		return app.Usagef("--binary: %w", err)
	}
	most, err := listen.PendingLimit(c)
	if err != nil {
		return err
	}
	s.shared, err = startShared(child.Command{Env: s.Env, Flag: "exec-shared", Line: shared, MaxMessage: flags.Bytes(c, "max-message")}, s.settings.Queue, s.slow, hub.Options{Binary: binary, MaxWaiting: most})
	return err
}
