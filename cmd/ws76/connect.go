package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/recording"
	"github.com/ws76/ws76/core/rfc6455"
	"github.com/ws76/ws76/plugins/record"
	"github.com/ws76/ws76/scripts"
)

func connectCommand(e *env) *cli.Command {
	return e.command(cli.Command{
		Name:      "connect",
		Usage:     "pipe messages to a WebSocket server and back",
		ArgsUsage: "URL [MESSAGE...]",
		UsageText: `printf 'hello\n' | ws76 connect ws://device.local/     send a line, print what comes back
ws76 connect ws://device.local/ status -n 1            ask, print one answer, leave
ws76 connect ws://tv/ --no-stdin --on-eof wait         watch until the peer closes
ws76 connect ws://old/ -m login --until '^ok' -vv      show both handshakes
ws76 connect ws+rfc6455://example.org/chat             the protocol of today's servers
ws76 connect ws://x/ --via unix:///run/device.sock     over a unix socket`,
		Description: "Lines of standard input become messages, messages become lines of standard output, both at once. " +
			"MESSAGEs and -m are sent first. The dialect is hixie-76 unless the URL or --dialect says otherwise. " +
			"When standard input ends, --on-eof says what next: linger (stop sending, read until there is a --linger of silence, " +
			"then close properly; the default on a pipe), close (the closing frame at once, then read until the peer's; " +
			"the default on a terminal), wait (read until the peer closes), ignore (as wait, and --reconnect goes on too). " +
			"The first ^C closes properly, the second ends at once.",
		Flags:  append(append(connectFlags(), recordFlag()), scriptFlags()...),
		Action: func(c *cli.Context) error { return e.connect(c) },
	}, exitConnect, exitHandshake, exitTimeout, exitUnclean, exitProtocol, exitScript, exitExpect, exitTransport, exitInterrupt, exitTerminate)
}

func connectFlags() []cli.Flag {
	const messages, ending, handshake, network, security, typing = "Messages", "When to end", "Handshake", "Network", "TLS", "On a terminal"
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "message", Aliases: []string{"m"}, Category: messages, Usage: "send `TEXT`, or what @FILE holds, before standard input; repeatable"},
		&cli.BoolFlag{Name: "no-stdin", Category: messages, Usage: "do not read standard input; counts as its end"},
		&cli.StringFlag{Name: "in", Category: messages, Value: "lines", Usage: "`FORMAT` of standard input: " + inputFormats()},
		&cli.StringFlag{Name: "out", Category: messages, Value: "lines", Usage: "`FORMAT` of standard output: " + outputFormats()},
		&cli.StringFlag{Name: "format", Category: messages, Usage: "print each message by `TEMPLATE`: %T time, %d data, %j JSON string, %k kind, %c conn, %n number, %p path"},
		&cli.BoolFlag{Name: "crlf", Category: messages, Usage: "lines end with CR LF"},
		&cli.BoolFlag{Name: "replace-invalid", Category: messages, Usage: "send U+FFFD for input that is not UTF-8 instead of ending with an error"},
		sizeFlag("max-message", core.DefaultMaxMessage, messages, "largest message, `SIZE`"),
		&cli.StringFlag{Name: "heartbeat", Category: messages, Usage: "send `TEXT` every --heartbeat-interval (the drafts have no ping)"},
		&cli.DurationFlag{Name: "heartbeat-interval", Category: messages, Value: 30 * time.Second, Usage: "`TIME` between heartbeats"},

		&cli.StringFlag{Name: "on-eof", Category: ending, Usage: "`WHAT` to do at the end of standard input: linger, close, wait or ignore", DefaultText: "linger, on a terminal close"},
		&cli.DurationFlag{Name: "linger", Category: ending, Value: time.Second, Usage: "`TIME` of silence after which --on-eof linger closes"},
		&cli.Int64Flag{Name: "count", Aliases: []string{"n"}, Category: ending, Usage: "end after `N` received messages"},
		&cli.StringFlag{Name: "until", Category: ending, Usage: "end after a received message that matches `REGEX`"},
		&cli.StringFlag{Name: "expect", Category: ending, Usage: "exit with 9 if no received message matches `REGEX`"},
		&cli.DurationFlag{Name: "timeout", Category: ending, Usage: "end everything after `TIME`, exit 5"},
		&cli.DurationFlag{Name: "idle", Category: ending, Usage: "end when nothing was received for `TIME`, exit 5"},
		&cli.DurationFlag{Name: "close-timeout", Category: ending, Value: core.DefaultCloseTimeout, Usage: "wait `TIME` for the peer's closing frame"},
		&cli.BoolFlag{Name: "reconnect", Category: ending, Usage: "connect again when the connection is lost, with backoff up to 30 s"},
		&cli.IntFlag{Name: "retries", Category: ending, Usage: "give up after `N` failed attempts in a row (0: never)"},
		&cli.BoolFlag{Name: "stats", Category: ending, Usage: "say at the end how much passed and how long things took"},

		&cli.StringFlag{Name: "dialect", Category: handshake, Value: string(core.Hixie76), Usage: "`DIALECT`: hixie-75, hixie-76 or rfc6455"},
		&cli.StringSliceFlag{Name: "header", Aliases: []string{"H"}, Category: handshake, Usage: "add the field `'NAME: VALUE'`, or those of @FILE, in place of a default of that name; repeatable"},
		&cli.StringFlag{Name: "origin", Category: handshake, Usage: "send `ORIGIN`", DefaultText: "http://HOST of the URL"},
		&cli.StringSliceFlag{Name: "protocol", Category: handshake, Usage: "ask for sub-protocol `NAME`; repeatable"},
		&cli.StringSliceFlag{Name: "cookie", Category: handshake, Usage: "send cookie `'NAME=VALUE'`; repeatable"},
		&cli.StringFlag{Name: "auth-file", Category: handshake, Usage: "log in with user:password from the first line of `FILE`"},
		&cli.StringFlag{Name: "key1", Category: handshake, Usage: "fixed Sec-WebSocket-Key1 `KEY`"},
		&cli.StringFlag{Name: "key2", Category: handshake, Usage: "fixed Sec-WebSocket-Key2 `KEY`"},
		&cli.StringFlag{Name: "key3", Category: handshake, Usage: "fixed `KEY`: 8 characters, hex:… or base64:…"},
		&cli.StringFlag{Name: "header-order", Category: handshake, Value: "random", Usage: "`ORDER` of the fields: random, as the draft says, or fixed"},
		&cli.BoolFlag{Name: "strict", Category: handshake, Usage: "refuse what is tolerated otherwise"},
		&cli.BoolFlag{Name: "no-compress", Category: handshake, Usage: "do not offer permessage-deflate (RFC 6455)"},

		&cli.StringFlag{Name: "via", Category: network, Value: "tcp:", Usage: "reach the server over the transport `URL`: " + transportExamples()},
		&cli.StringFlag{Name: "proxy", Category: network, Usage: "reach it through the proxy `URL`, socks5:// or http://, or none", DefaultText: "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say"},
		&cli.StringSliceFlag{Name: "resolve", Category: network, Usage: "use ADDR for a name: `HOST:PORT:ADDR`; repeatable"},
		&cli.BoolFlag{Name: "ipv4", Aliases: []string{"4"}, Category: network, Usage: "IPv4 only"},
		&cli.BoolFlag{Name: "ipv6", Aliases: []string{"6"}, Category: network, Usage: "IPv6 only"},
		&cli.DurationFlag{Name: "connect-timeout", Category: network, Value: 30 * time.Second, Usage: "allow `TIME` for connecting and the handshake"},

		&cli.StringFlag{Name: "cacert", Category: security, Usage: "trust the authorities in `FILE` (PEM)"},
		&cli.StringFlag{Name: "cert", Category: security, Usage: "client certificate `FILE` (PEM)"},
		&cli.StringFlag{Name: "key", Category: security, Usage: "its key `FILE`"},
		&cli.StringFlag{Name: "servername", Category: security, Usage: "`NAME` to ask for and to expect in the certificate"},
		&cli.BoolFlag{Name: "insecure", Aliases: []string{"k"}, Category: security, Usage: "accept any certificate"},
		&cli.StringFlag{Name: "tls-min", Category: security, Value: "1.2", Usage: "lowest TLS `VERSION`, 1.0 to 1.3; 1.0 and 1.1 with their ciphers are for old devices only"},

		colorFlag(typing),
		&cli.BoolFlag{Name: "no-history", Category: typing, Usage: "keep nothing of what is typed, and read nothing of what was"},
	}
}

func (e *env) connect(c *cli.Context) error {
	if c.NArg() == 0 {
		return usagef("connect: no URL; for instance ws76 connect ws://127.0.0.1:8076/")
	}
	dialer, err := e.newDialer(c)
	if err != nil {
		return err
	}
	rules, err := newRules(c)
	if err != nil {
		return err
	}
	near := *e
	if c.String("record") == "-" {
		near.stdout = io.Discard // the recording is there, with all the messages
	}
	terminal, err := near.newTerminal(c, dialer.target.Resource)
	if err != nil {
		return err
	}
	ctx := c.Context
	if d := c.Duration("timeout"); d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d, withCode(exitTimeout, fmt.Errorf("not done within --timeout %v", d)))
		defer cancel()
	}
	ctx, exit := context.WithCancelCause(ctx)
	defer exit(nil)
	extra := func(o *scripts.Options) {
		o.Exit = func(err error) { exit(scriptExit(err)) }
		o.Open = dialer.open
	}
	chain, err := e.newChain(c, extra)
	if err != nil {
		return err
	}
	set := chain.set
	set.Start()
	reloadOnHangup(ctx, set)
	defer stopScripts(set, dialer.options.CloseTimeout)
	recorder, recorded, err := e.newRecorder(c)
	if err != nil {
		return err
	}
	defer recorded()
	p := &pipe{env: e, scripts: set, plugins: chain, recorder: recorder, dialer: dialer, rules: rules, terminal: terminal, retries: c.Int("retries"), reconnect: c.Bool("reconnect")}
	if c.Bool("stats") {
		p.stats = &connectStats{start: time.Now()}
	}
	if t := terminal.console; t != nil {
		t.quit = func() { exit(errQuit) }
		t.load = func(path string) (*scripts.Script, error) {
			options, err := e.chainOptions(c, extra)(path)
			if err != nil {
				return nil, err
			}
			return scripts.Load(path, options)
		}
		defer func() { stopScripts(t.scripts(nil), dialer.options.CloseTimeout) }()
	}
	if len(set) > 0 { // a version that comes later may have on_frame
		dialer.options.Trace = traceFrames(dialer.options.Trace, p.scripted.Load, relay.B)
	}
	err = p.runUntil(ctx)
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx) // a script's hook has ended the session
	}
	if context.Cause(ctx) == errQuit {
		err = nil
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), dialer.options.CloseTimeout)
	defer cancel()
	if closeErr := terminal.Close(closing); err == nil && ctx.Err() == nil {
		err = closeErr
	}
	if p.stats != nil {
		e.log.Warnf("%s", p.stats)
	}
	if err == nil && !rules.met() {
		return withCode(exitExpect, fmt.Errorf("no message matched --expect %q", rules.expect))
	}
	return err
}

// pipe is one run of connect: the terminal joined to a connection, and to the
// next one where --reconnect says so.
type pipe struct {
	*env
	scripts   scripts.Set
	plugins   chain                           // with those that have a word in dialling
	scripted  atomic.Pointer[scripts.Session] // the session at hand
	recorder  *record.Recorder                // nil without --record
	dialer    *dialer
	rules     *rules
	terminal  *terminal
	reconnect bool
	retries   int
	stats     *connectStats
}

// runUntil is run, except that it does not wait for ever after the end of ctx: a
// write to a pipe that nobody reads cannot be ended, and is left behind.
func (p *pipe) runUntil(ctx context.Context) error {
	result := make(chan error, 1)
	go func() { result <- p.run(ctx) }()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-result:
		return err
	case <-time.After(3 * p.dialer.options.CloseTimeout): // a session takes two, see relay.Options
		return context.Cause(ctx)
	}
}

func (p *pipe) run(ctx context.Context) error {
	for failed := 0; ; failed++ {
		err := p.session(ctx, &failed)
		if err == nil || !p.reconnect || ctx.Err() != nil || p.rules.done || !retryable(err) {
			if err == errPeerClosed || err == errClosedHere {
				return nil
			}
			return err
		}
		if p.retries > 0 && failed >= p.retries {
			return withCode(exitConnect, fmt.Errorf("gave up after %d attempts: %w", failed+1, err))
		}
		pause := backoff(failed)
		p.log.Warnf("%v; connecting again in %v", err, pause.Round(time.Millisecond))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		p.terminal.rewind()
	}
}

// backoff doubles from half a second to 30 s, with jitter: between a half and the
// whole of that.
func backoff(failed int) time.Duration {
	most := min(500*time.Millisecond<<min(failed, 10), 30*time.Second)
	return most/2 + rand.N(most/2+1)
}

// Clean ends that --reconnect mends too: one that the peer chose, and /close. And
// /quit, while there is no connection.
var (
	errPeerClosed = errors.New("the peer closed the connection")
	errClosedHere = errors.New("the connection is closed")
	errQuit       = errors.New("left by /quit")
)

// retryable reports whether a new connection may mend err: not what is wrong with
// the input, the output or the command line.
func retryable(err error) bool {
	switch errorCode(err) {
	case exitConnect, exitUnclean, exitTimeout, exitTransport:
		return true
	}
	var handshake *core.HandshakeError
	return err == errPeerClosed || err == errClosedHere || errors.As(err, &handshake) && handshake.Status >= 500
}

// dial connects to where the plugins say.
func (p *pipe) dial(ctx context.Context) (*core.Conn, error) {
	d := p.dialer
	if len(p.plugins.connect) > 0 {
		asking, cancel := ctx, context.CancelFunc(func() {})
		if d.timeout > 0 {
			asking, cancel = context.WithTimeoutCause(ctx, d.timeout, errConnectTimeout(d.timeout))
		}
		url, err := p.plugins.dialURL(asking, d.url)
		cancel()
		if err != nil {
			return nil, err
		}
		if d, err = d.redirected(url); err != nil {
			return nil, err
		}
	}
	return d.dial(ctx)
}

// session connects once and carries messages until that connection ends. A
// connection that was open sets failed back.
func (p *pipe) session(ctx context.Context, failed *int) error {
	dialed := time.Now()
	conn, err := p.dial(ctx)
	if err != nil {
		return err
	}
	*failed = 0
	protocol := ""
	if conn.Protocol() != "" {
		protocol = fmt.Sprintf(", sub-protocol %q", conn.Protocol())
	}
	defer p.rules.beating.Wait() // the session is over by then
	if err := p.terminal.start(); err != nil {
		conn.Close(ctx)
		return err
	}
	p.log.Infof("connected to %s: %s%s", conn.RemoteAddr(), conn.Dialect(), protocol)
	if p.stats != nil {
		p.stats.opened(time.Since(dialed))
	}
	set, hooks := p.scripts, []relay.Hook(nil)
	if t := p.terminal.console; t != nil {
		set = t.scripts(set)
		hooks = append(hooks, t.hook(conn, len(set)-len(p.scripts)))
	}
	hooks = append(hooks, p.rules.hook())
	scripted := set.Session(nil, scripts.NewPeer(conn, "client"), true)
	p.scripted.Store(scripted)
	open := record.Opened(conn, recording.Client)
	open.URL = p.dialer.url
	recorded := p.recorder.Open(open)
	// The scripts come first: what they drop does not count as received.
	err = relay.Join(ctx, p.terminal, conn, &relay.Options{
		Hooks: recorded.Around(append(scripted.Hooks(), hooks...), relay.B), LingerA: p.terminal.linger, KeepA: true, CloseTimeout: p.dialer.options.CloseTimeout,
	})
	scripted.Closed(err)
	p.terminal.detach(err)
	recorded.Closed(conn, err)
	if p.stats != nil {
		p.stats.closed(conn.Stats())
	}
	return p.ended(conn, err)
}

// ended says what the end of a session means.
func (p *pipe) ended(conn *core.Conn, err error) error {
	var ce *core.CloseError
	if _, end := conn.Receive(context.Background()); errors.As(end, &ce) {
		p.log.Infof("%v", ce)
	}
	closedHere := p.terminal.closedHere()
	switch {
	case err == nil && ce != nil && ce.ByPeer && complains(ce.Code):
		return withCode(exitUnclean, fmt.Errorf("the peer %w", ce))
	case err == nil && closedHere:
		return errClosedHere
	case err == nil && ce != nil && ce.ByPeer && !p.terminal.ended():
		return errPeerClosed
	case err != nil && onlyUnanswered(err):
		p.log.Warnf("the peer did not answer the closing frame; everything before it was received")
		if closedHere {
			return errClosedHere
		}
		return nil
	}
	return plainly(err)
}

// complains reports whether a peer's close code of RFC 6455, section 7.4.1 says
// that something went wrong. What applications mean by theirs, from 3000 on, is
// not known here.
func complains(code int) bool {
	return code > rfc6455.CodeGoingAway && code < 3000 && code != rfc6455.CodeNoStatus
}

// plainly puts the names of the streams in place of a session's sides. Beside
// another error it is no news that the closing frame was not answered.
func plainly(err error) error {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		var all error
		for _, err := range several.Unwrap() {
			switch err := plainly(err); {
			case onlyUnanswered(err):
			case all == nil:
				all = err
			default:
				all = fmt.Errorf("%w; %w", all, err)
			}
		}
		return all
	}
	side, ok := err.(*relay.SideError)
	switch {
	case !ok:
		return err
	case side.Side == relay.B:
		return side.Err
	case side.Op == relay.OpReceive:
		return fmt.Errorf("standard input: %w", side.Err)
	}
	return fmt.Errorf("standard output: %w", side.Err)
}

// onlyUnanswered reports whether all that went wrong is that our closing frame
// got no answer, as is usual with servers of the drafts.
func onlyUnanswered(err error) bool {
	switch e := err.(type) {
	case *core.CloseError:
		return e.Unanswered
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			if !onlyUnanswered(err) {
				return false
			}
		}
		return true
	case interface{ Unwrap() error }:
		return onlyUnanswered(e.Unwrap())
	}
	return false
}

// rules end a run by what is received: -n, --until, --expect, --idle. The counts
// go on over reconnects.
type rules struct {
	count         int64
	until, expect *regexp.Regexp
	idle          time.Duration
	heartbeat     string
	interval      time.Duration
	beating       sync.WaitGroup // the heartbeat's goroutine

	received int64
	expected bool
	done     bool
}

func newRules(c *cli.Context) (*rules, error) {
	r := &rules{count: c.Int64("count"), idle: c.Duration("idle"), heartbeat: c.String("heartbeat"), interval: c.Duration("heartbeat-interval")}
	for _, f := range []struct {
		name string
		to   **regexp.Regexp
	}{{"until", &r.until}, {"expect", &r.expect}} {
		if c.String(f.name) == "" {
			continue
		}
		compiled, err := regexp.Compile(c.String(f.name))
		if err != nil {
			return nil, usagef("--%s: %w", f.name, err)
		}
		*f.to = compiled
	}
	switch {
	case r.count < 0:
		return nil, usagef("--count %d: want 0 or more", r.count)
	case r.interval <= 0:
		return nil, usagef("--heartbeat-interval %v: want more than 0", r.interval)
	}
	return r, nil
}

func (r *rules) met() bool { return r.expect == nil || r.expected }

// hook returns the rules as they apply to one session.
func (r *rules) hook() relay.Hook {
	return relay.HookFunc(func(s *relay.Session, next relay.Sink) (relay.Sink, error) {
		idle := r.watchIdle(s)
		r.beat(s, next)
		return func(d relay.Direction, m core.Message) error {
			if err := next(d, m); err != nil || d == relay.AToB {
				return err
			}
			if idle != nil {
				idle.Reset(r.idle)
			}
			return r.see(m.Data)
		}, nil
	})
}

// see counts a received message and says relay.ErrStop when it was the last.
func (r *rules) see(data []byte) error {
	r.received++
	if r.expect != nil && !r.expected {
		r.expected = r.expect.Match(data)
	}
	r.done = r.count > 0 && r.received >= r.count || r.until != nil && r.until.Match(data)
	if r.done {
		return relay.ErrStop
	}
	return nil
}

func (r *rules) watchIdle(s *relay.Session) *time.Timer {
	if r.idle <= 0 {
		return nil
	}
	timer := time.AfterFunc(r.idle, func() {
		s.End(withCode(exitTimeout, fmt.Errorf("nothing received for --idle %v", r.idle)))
	})
	context.AfterFunc(s.Context(), func() { timer.Stop() })
	return timer
}

// beat sends the heartbeat until the session ends.
func (r *rules) beat(s *relay.Session, next relay.Sink) {
	if r.heartbeat == "" {
		return
	}
	m := core.Message{Data: []byte(r.heartbeat)}
	r.beating.Go(func() {
		ticker := time.NewTicker(r.interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				s.Do(func() error { return next(relay.AToB, m) })
			case <-s.Context().Done():
				return
			}
		}
	})
}

// connectStats is what --stats says.
type connectStats struct {
	start   time.Time
	connect time.Duration
	conns   int
	total   core.Stats
}

func (s *connectStats) opened(took time.Duration) { s.connect = took; s.conns++ }

func (s *connectStats) closed(c core.Stats) {
	s.total.MessagesIn += c.MessagesIn
	s.total.MessagesOut += c.MessagesOut
	s.total.BytesIn += c.BytesIn
	s.total.BytesOut += c.BytesOut
}

func (s *connectStats) String() string {
	connections := "1 connection"
	if s.conns != 1 {
		connections = fmt.Sprintf("%d connections", s.conns)
	}
	return fmt.Sprintf("%s, the last opened in %v; %d messages in (%d bytes), %d out (%d bytes); %v in all",
		connections, s.connect.Round(time.Microsecond), s.total.MessagesIn, s.total.BytesIn, s.total.MessagesOut, s.total.BytesOut,
		time.Since(s.start).Round(time.Millisecond))
}
