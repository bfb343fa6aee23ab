// Package serve is ws76 serve: channels, echo, programs and scripts for clients.
package serve

import (
	"context"
	"flag"
	"log/slog"
	"net"
	"slices"
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
	"github.com/ws76/ws76/core/relay/record"
	"github.com/ws76/ws76/core/serve"
	"github.com/ws76/ws76/core/serve/channels"
	"github.com/ws76/ws76/core/serve/metrics"
	"github.com/ws76/ws76/core/serve/static"
	wstls "github.com/ws76/ws76/transports/tls"
)

const pendingUsage = "hold at most `SIZE`, over all connections, of each of two: unfinished messages, those that have not come whole, with answers that are not read; " +
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
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "echo", Category: services, Usage: "on other paths, send every message back (/echo always does)"},
			&cli.StringFlag{Name: "exec", Category: services, Usage: "on other paths, run `COMMAND` for each connection: messages are lines of its standard input and output"},
			&cli.StringFlag{Name: "exec-shared", Category: services, Usage: "on other paths, run one `COMMAND` for all connections: each gets all that it writes"},
			app.ExecEnvFlag(services),
			&cli.StringFlag{Name: "static", Category: services, Usage: "serve the files of `DIR` over HTTP"},
			&cli.BoolFlag{Name: "no-dashboard", Category: services, Usage: "no dashboard"},
			&cli.StringFlag{Name: "metrics", Category: services, Value: "/metrics", Usage: "metrics for Prometheus at `PATH`; off: nowhere"},
			&cli.StringSliceFlag{Name: "listen", Category: services, Usage: "listen on `URL` as well, or in place of ADDR: tcp://HOST:PORT, unix:///PATH, serial:///DEVICE, wifly:///DEVICE, fd:N; repeatable"},
			flags.Words(cli.GenericFlag{Name: "dialect", Category: handshake, Usage: "serve only `DIALECT`, %s; repeatable"}, core.Dialects[:]...),
			&cli.StringSliceFlag{Name: "protocol", Category: handshake, Usage: "agree only to sub-protocol `NAME`; repeatable (default: the first offered)"},
			&cli.BoolFlag{Name: "strict", Category: handshake, Usage: "refuse what is tolerated otherwise"},
			&cli.BoolFlag{Name: "lenient-keys", Category: handshake, Usage: "take keys that do not divide, for devices that cannot be changed"},
		}, front.ProxyFlags(handshake), []cli.Flag{
			&cli.BoolFlag{Name: "no-compress", Category: handshake, Usage: "no permessage-deflate (RFC 6455)"},
			&cli.BoolFlag{Name: "flash-policy", Category: handshake, Usage: "answer the policy request of Flash, for the hosts of --origin"},
			flags.Word(cli.GenericFlag{Name: "binary", Category: handshake, Usage: "`HOW` channels give binary messages to clients of the drafts: %s"}, hub.Refuse, "refuse (leave out and count)", hub.Base64, hub.Hex, hub.Latin1),
		}, front.GateFlags(security), front.CertificateFlags(security, ""), []cli.Flag{
			front.MinTLSFlag(security),
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
		}, listen.HoldFlags(limits, pendingUsage, ""), hooks.Flags()),
		Action: func(c *cli.Context) error { return run(c.Context, e, read(c)) },
	}, app.ExitConnect, app.ExitScript, app.ExitTransport, app.ExitInterrupt, app.ExitTerminate)
}

// Options are what the command line says.
type Options struct {
	Addrs  []string
	Listen []string // beside them, or in their place

	Echo             bool
	Exec, ExecShared string // commands; "": none
	Static           string
	Dashboard        bool
	Metrics          string

	Dialects    []core.Dialect // nil: all
	Protocols   []string
	Strict      bool
	LenientKeys bool
	Compress    bool
	FlashPolicy bool
	Binary      string

	Front *front.Options
	Hooks *hooks.Options
	Hold  listen.Hold

	MaxConns                             int
	Rate                                 float64
	Queue                                int
	Slow                                 string
	Handshake, Idle, CloseTimeout, Grace time.Duration

	Hub            []string // URLs of NATS servers
	HubCredentials string
	HubTLS         wstls.ConfigOptions
}

func read(c *cli.Context) *Options {
	o := &Options{
		Addrs: c.Args().Slice(), Listen: c.StringSlice("listen"),
		Echo: c.Bool("echo"), Exec: c.String("exec"), ExecShared: c.String("exec-shared"), Static: c.String("static"),
		Dashboard: !c.Bool("no-dashboard"), Metrics: c.String("metrics"),
		Protocols: c.StringSlice("protocol"), Strict: c.Bool("strict"), LenientKeys: c.Bool("lenient-keys"), Compress: !c.Bool("no-compress"),
		FlashPolicy: c.Bool("flash-policy"), Binary: c.String("binary"),
		Front: front.Read(c), Hooks: hooks.Read(c), Hold: listen.ReadHold(c),
		MaxConns: c.Int("max-conns"), Rate: c.Float64("rate"), Queue: c.Int("queue"), Slow: c.String("slow"),
		Handshake: c.Duration("handshake-timeout"), Idle: c.Duration("idle"), CloseTimeout: c.Duration("close-timeout"), Grace: c.Duration("grace"),
		Hub: c.StringSlice("hub"), HubCredentials: c.String("hub-creds"),
		HubTLS: wstls.ConfigOptions{CAFile: c.String("hub-cacert"), CertFile: c.String("hub-cert"), KeyFile: c.String("hub-key")},
	}
	for _, name := range flags.Chosen(c, "dialect") {
		o.Dialects = append(o.Dialects, core.Dialect(name))
	}
	return o
}

// Plain is the server of a command line without arguments and flags. Whoever gets it closes it.
func Plain(ctx context.Context, e *reach.Env) (*service, error) {
	set := flag.NewFlagSet("serve", flag.ContinueOnError)
	for _, f := range Command(e).Flags {
		f.Apply(set) // fails for values of the environment alone, which serve itself would refuse
	}
	return newService(ctx, e, read(cli.NewContext(nil, set, nil)))
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
	endBy                   time.Time     // when what it has running is cut, known by then
	refusals, binaryDropped atomic.Uint64
	slowDropped             atomic.Uint64 // by the policy, of those that have a hub.Endpoint

	mu       sync.Mutex
	handlers handlers
}

func run(command context.Context, e *reach.Env, o *Options) error {
	addrs, err := addresses(e, o.Addrs, o.Listen)
	if err != nil {
		return err
	}
	e.Children.Contained = true
	e.EndWithin(o.Grace)
	ctx, exit := context.WithCancelCause(command)
	defer exit(nil)
	s, err := newService(command, e, o)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.loadScripts(command, o.Hooks, exit); err != nil {
		return err
	}
	var recorded func()
	if s.recorder, recorded, err = o.Hooks.NewRecorder(e.Env); err != nil {
		return err
	}
	defer recorded()
	listeners, err := listen.OnAll(command, e, addrs)
	if err != nil {
		return err
	}
	if err := s.begin(o, listeners); err != nil {
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
	if command.Err() == nil { // a script has ended it
		return context.Cause(ctx)
	}
	return nil
}

// begin does what is to be done once the ports are known, and before anybody is served.
func (s *service) begin(o *Options, listeners []net.Listener) error {
	if o.FlashPolicy {
		ports, err := flashPorts(o.Front, listeners)
		if err != nil {
			return err
		}
		s.server.Accept.FlashPolicy = flashPolicy(s.Gate.Origins, ports)
	}
	return s.Scripts.Start()
}

// Run serves until ctx ends.
func (s *service) Run(ctx context.Context, listeners []net.Listener) error {
	var before undelivered // it stops
	defer context.AfterFunc(ctx, func() {
		s.metrics.Stopping()
		before = s.undelivered()
		s.endBy = time.Now().Add(s.server.Grace - s.server.Grace/10)
		close(s.stopping)
	})()
	s.plain = len(s.Scripts) == 0 && s.recorder == nil && !s.Forwarded && !s.Log.Enabled(slog.LevelInfo)
	s.server.LongEvents = len(s.Scripts) > 0
	defer app.OnHangup(s.Reload)()
	err := s.server.Serve(ctx, listeners...)
	if ctx.Err() != nil {
		<-s.stopping
		if s.exec != nil {
			s.exec.SayKilled()
		}
		now := s.undelivered()
		if n := now.unsent - before.unsent; n > 0 {
			s.Log.Warnf("%d messages were not sent: their connections were closing", n)
		}
		if n := now.untaken - before.untaken; n > 0 {
			s.Log.Warnf("%d messages were not handed to the programs: their connections were closing", n)
		}
		if n := now.notKnown - before.notKnown; n > 0 {
			s.Log.Warnf("of %d messages it is not known whether they arrived: their connections did not end properly", n)
		}
	}
	return err
}

// undelivered is what has become of messages that did not get where they should.
type undelivered struct {
	unsent   uint64 // taken for connections that ended before
	untaken  uint64 // taken from connections, for programs
	notKnown uint64 // nobody knows whether they arrived
}

func (u *undelivered) add(other undelivered) {
	u.unsent += other.unsent
	u.untaken += other.untaken
	u.notKnown += other.notKnown
}

// undelivered is that of all connections so far.
func (s *service) undelivered() undelivered {
	of := s.server.Stats()
	sum := undelivered{unsent: of.Unsent, notKnown: of.NotKnown}
	s.mu.Lock()
	defer s.mu.Unlock()
	sum.add(s.handlers.undelivered)
	return sum
}

// newService opens what o names, but for addresses.
func newService(ctx context.Context, e *reach.Env, o *Options) (_ *service, err error) {
	s := &service{
		Front: front.Front{Env: e}, echo: o.Echo, dashboard: o.Dashboard,
		started: time.Now(), stopping: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if err := s.configure(o); err != nil {
		return nil, err
	}
	if o.Static != "" {
		if s.static, err = static.Open(o.Static); err != nil {
			return nil, app.Usage(err)
		}
	}
	if err := s.openHub(ctx, o); err != nil {
		return nil, err
	}
	if err := s.startChildren(o); err != nil {
		return nil, err
	}
	s.server.HTTP, err = s.newHTTP(o.Metrics)
	return s, err
}

// configure reads what needs nothing to be opened.
func (s *service) configure(o *Options) (err error) {
	s.slow = core.Slow(slices.Index(core.SlowNames, o.Slow))
	pending, err := o.Hold.Budget()
	if err != nil {
		return err
	}
	if err := checkProtocols(o.Protocols); err != nil {
		return err
	}
	location, err := o.Front.Location()
	if err != nil {
		return err
	}
	s.metrics = metrics.New(s.fillMetrics, s.health)
	if err := s.Open(o.Front, front.IsChannel); err != nil {
		return err
	}
	s.server = serve.Server{
		Route:     s.route,
		Gate:      s.Gate,
		MaxConns:  o.MaxConns,
		Idle:      o.Idle,
		DeadAfter: s.DeadAfter,
		Grace:     o.Grace,
		Settings:  serve.Settings{Rate: o.Rate, Queue: o.Queue, Slow: s.slow},
		Accept: core.AcceptOptions{
			Dialects: o.Dialects, Location: location, Protocols: o.Protocols,
			LenientKeys: o.LenientKeys, Strict: o.Strict, Compress: o.Compress,
			MaxMessage: o.Hold.MaxMessage, HandshakeTimeout: o.Handshake,
			CloseTimeout: o.CloseTimeout, Trace: s.Trace("server"),
			Pending: pending, MessageTimeout: o.Hold.MessageTimeout, WriteTimeout: o.Hold.WriteTimeout,
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
		by := time.Now().Add(s.server.Grace)
		select {
		case <-s.stopping:
			by = s.endBy
		default:
		}
		ctx, cancel := context.WithDeadline(context.Background(), by)
		defer cancel()
		s.shared.stop(ctx)
		s.shared.SayKilled()
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
func (s *service) startChildren(o *Options) error {
	n := 0
	for _, given := range []bool{o.Echo, o.Exec != "", o.ExecShared != ""} {
		if given {
			n++
		}
	}
	if n > 1 {
		return app.Usagef("serve: --echo, --exec and --exec-shared are for the same paths; want one of them")
	}
	switch {
	case o.Exec != "":
		s.exec = &child.Command{Env: s.Env, Flag: "exec", Line: o.Exec, MaxMessage: o.Hold.MaxMessage}
	case o.ExecShared != "":
		options, err := o.hub()
		if err != nil {
			return err
		}
		command := &child.Command{Env: s.Env, Flag: "exec-shared", Line: o.ExecShared, MaxMessage: o.Hold.MaxMessage}
		s.shared, err = startShared(command, s.settings.Queue, s.slow, options)
		return err
	}
	return nil
}
