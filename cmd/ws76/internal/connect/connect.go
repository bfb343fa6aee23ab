// Package connect is ws76 connect: messages to a server and back, on a pipe or a terminal.
package connect

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/cmd/ws76/internal/output"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core/bridge"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/scripts"
)

// Command is ws76 connect.
func Command(e *reach.Env) *cli.Command {
	return e.Command(cli.Command{
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
		Flags:  append(append(ownFlags(), hooks.RecordFlag()), hooks.Flags()...),
		Action: func(c *cli.Context) error { return run(c.Context, e, read(c)) },
	}, app.ExitConnect, app.ExitHandshake, app.ExitTimeout, app.ExitUnclean, app.ExitProtocol, app.ExitScript, app.ExitExpect, app.ExitTransport, app.ExitInterrupt, app.ExitTerminate)
}

func ownFlags() []cli.Flag {
	const messages, ending, typing = "Messages", "When to end", "On a terminal"
	return slices.Concat([]cli.Flag{
		&cli.StringSliceFlag{Name: "message", Aliases: []string{"m"}, Category: messages, Usage: "send `TEXT`, or what @FILE holds, before standard input; repeatable"},
		&cli.BoolFlag{Name: "no-stdin", Category: messages, Usage: "do not read standard input; counts as its end"},
		flags.Word(cli.GenericFlag{Name: "in", Category: messages, Usage: "`FORMAT` of standard input: %s"}, "lines", format.Inputs...),
	}, output.Flags(messages), []cli.Flag{
		&cli.BoolFlag{Name: "replace-invalid", Category: messages, Usage: "send U+FFFD for input that is not UTF-8 instead of ending with an error"},
		reach.MaxMessageFlag(messages),
		&cli.StringFlag{Name: "heartbeat", Category: messages, Usage: "send `TEXT` every --heartbeat-interval (the drafts have no ping)"},
		flags.Time(cli.GenericFlag{Name: "heartbeat-interval", Category: messages, Usage: "`TIME` between heartbeats"}, 30*time.Second),

		flags.Word(cli.GenericFlag{Name: "on-eof", Category: ending, Usage: "`WHAT` to do at the end of standard input: %s", DefaultText: "linger, on a terminal close"}, "", "linger", "close", "wait", "ignore"),
		flags.Time(cli.GenericFlag{Name: "linger", Category: ending, Usage: "`TIME` of silence after which --on-eof linger closes (0: at once)"}, time.Second),
		&cli.Int64Flag{Name: "count", Aliases: []string{"n"}, Category: ending, Usage: "end after `N` received messages"},
		&cli.StringFlag{Name: "until", Category: ending, Usage: "end after a received message that matches `REGEX`"},
		&cli.StringFlag{Name: "expect", Category: ending, Usage: "exit with 9 if no received message matches `REGEX`"},
		flags.Time(cli.GenericFlag{Name: "timeout", Category: ending, Usage: "end everything after `TIME`, exit 5"}, 0),
		flags.Time(cli.GenericFlag{Name: "idle", Category: ending, Usage: "end when nothing has passed for `TIME`, heartbeats aside, exit 5"}, 0),
		reach.CloseTimeoutFlag(ending),
		&cli.BoolFlag{Name: "reconnect", Category: ending, Usage: "connect again when the connection is lost, with backoff up to 30 s"},
		&cli.IntFlag{Name: "retries", Category: ending, Usage: "give up after `N` retries in a row that fail (0: never)"},
		&cli.BoolFlag{Name: "stats", Category: ending, Usage: "say at the end how much passed and how long things took"},
	}, reach.Flags(&reach.FlagSet{Challenge: true}), []cli.Flag{
		app.ColorFlag(typing),
		&cli.BoolFlag{Name: "no-history", Category: typing, Usage: "keep nothing of what is typed, and read nothing of what was"},
	})
}

// Options are what the command line says.
type Options struct {
	URL      string // "": none
	Messages []string
	Reach    *reach.Options
	Hooks    *hooks.Options
	Output   output.Options

	First          []string // -m
	NoStdin        bool
	In             format.Format
	ReplaceInvalid bool

	OnEOF     string // "": what the terminal says
	Linger    time.Duration
	Timeout   time.Duration
	Reconnect bool
	Retries   int
	Stats     bool
	Rules     Rules

	Color     string
	NoHistory bool
}

// Rules are what a run ends by, and what keeps a connection up.
type Rules struct {
	Count         int64
	Until, Expect string
	Idle          time.Duration
	Heartbeat     string
	Interval      time.Duration
}

func read(c *cli.Context) *Options {
	return &Options{
		URL: c.Args().First(), Messages: c.Args().Tail(), Reach: reach.Read(c), Hooks: hooks.Read(c), Output: output.Read(c),
		First: c.StringSlice("message"), NoStdin: c.Bool("no-stdin"), In: format.Format(c.String("in")), ReplaceInvalid: c.Bool("replace-invalid"),
		OnEOF: c.String("on-eof"), Linger: c.Duration("linger"), Timeout: c.Duration("timeout"),
		Reconnect: c.Bool("reconnect"), Retries: c.Int("retries"), Stats: c.Bool("stats"),
		Rules: Rules{
			Count: c.Int64("count"), Until: c.String("until"), Expect: c.String("expect"), Idle: c.Duration("idle"),
			Heartbeat: c.String("heartbeat"), Interval: c.Duration("heartbeat-interval"),
		},
		Color: c.String("color"), NoHistory: c.Bool("no-history"),
	}
}

func run(ctx context.Context, e *reach.Env, o *Options) error {
	if len(o.Hooks.Arguments) == 0 {
		return app.Usagef("connect: no URL; for instance ws76 connect ws://127.0.0.1:8076/")
	}
	dialer, err := e.NewDialer(o.URL, o.Reach)
	if err != nil {
		return err
	}
	rules, err := newRules(&o.Rules)
	if err != nil {
		return err
	}
	near := e.Clone()
	if o.Hooks.Record == "-" {
		near.Stdout = io.Discard // the recording is there, with all the messages
	}
	terminal, err := newTerminal(near, o, dialer.Target.Resource)
	if err != nil {
		return err
	}
	ctx, cancel := app.WithTimeout(ctx, o.Timeout)
	defer cancel()
	ctx, exit := context.WithCancelCause(ctx)
	defer exit(nil)
	extra := func(so *scripts.Options) {
		so.Exit = func(err error) { exit(hooks.ExitCause(err)) }
		so.Open = dialer.Guarded(true).Open
	}
	chain, err := o.Hooks.NewChain(ctx, e.Env, extra)
	if err != nil {
		return err
	}
	set := chain.Set
	defer hooks.Stop(set, dialer.Options.CloseTimeout)
	if err := set.Start(); err != nil {
		return err
	}
	if len(set) > 0 {
		defer app.OnHangup(func() { set.Reload() })() // which says itself what is wrong
	}
	recorder, recorded, err := o.Hooks.NewRecorder(e.Env)
	if err != nil {
		return err
	}
	defer recorded()
	p := &pipe{
		Env: e, scripts: set, plugins: chain, recorder: recorder, dialer: dialer, rules: rules, terminal: terminal,
		retries: bridge.Retries{Most: o.Retries}, reconnect: o.Reconnect,
	}
	if o.Stats {
		p.stats = &stats{start: time.Now()}
	}
	if t := terminal.console; t != nil {
		t.quit = func() { exit(errQuit) }
		t.load = func(path string) (*scripts.Script, error) {
			options, err := o.Hooks.ForChain(e.Env, extra)(path)
			if err != nil {
				return nil, err
			}
			return scripts.Load(path, options)
		}
		defer func() { hooks.Stop(t.scripts(nil), dialer.Options.CloseTimeout) }()
	}
	if len(set) > 0 { // a version that comes later may have on_frame
		dialer.Options.Trace = hooks.TraceFrames(dialer.Options.Trace, p.scripted.Load, relay.B)
	}
	err = p.runUntil(ctx)
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx) // a script's hook has ended the session
	}
	if context.Cause(ctx) == errQuit {
		err = nil
	}
	closing, closed := context.WithTimeout(context.WithoutCancel(ctx), dialer.Options.CloseTimeout)
	defer closed()
	if closeErr := terminal.Close(closing); err == nil && ctx.Err() == nil {
		err = closeErr
	}
	p.left(err)
	if p.stats != nil {
		e.Log.Warnf("%s", p.stats)
	}
	if err == nil && !rules.met() {
		return app.WithCode(app.ExitExpect, fmt.Errorf("no message matched --expect %q", o.Rules.Expect))
	}
	if err == nil && p.lossy && !rules.done {
		return app.SilentError(app.ExitUnclean) // what is missing has been said
	}
	return err
}
