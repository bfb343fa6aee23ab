// Package bridge is ws76 bridge: one endpoint joined to another.
package bridge

import (
	"context"
	"flag"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/cmd/ws76/internal/front"
	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/cmd/ws76/internal/listen"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hub"
	"github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/core/serve"
)

// Command is ws76 bridge.
func Command(e *reach.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:      "bridge",
		Usage:     "join any endpoint to any other: an old device to a modern server, a serial line to a WebSocket",
		ArgsUsage: "FROM TO",
		UsageText: `ws76 bridge ws://:8080 wss+rfc6455://api.example.com        old devices to a modern server
ws76 bridge ws://:8080 ws+hixie76://192.168.0.7             a browser to an old server
ws76 bridge ws://:8080 'wss+rfc6455://x.com/dev/{query.id}' the address from the request
ws76 bridge 'serial:///dev/ttyUSB0?baud=9600' ws://host/    lines of a serial port
ws76 bridge ws://:8080 exec:./answer.sh                     a program per client, lines
ws76 bridge wifly-module:///tmp/wifly wss+rfc6455://x.com   firmware made for a WiFly module
ws76 bridge ws://:80 ws+rfc6455://x.com --buffer 1000       keep messages while x.com restarts
ws76 bridge serial:///dev/ttyUSB0 mqtt://broker/sensors/x   a broker
ws76 bridge --file bridges.toml                             several, reloaded when it changes`,
		Description: "FROM is listened on: ws:// and wss:// in every dialect (ws+hixie76:// and the like in one), tcp://, unix://, serial://, wifly:// " +
			"and wifly-module://; or it is opened: stdio:, exec:COMMAND, connect:ws://HOST/, mqtt://BROKER/TOPIC, nats://HOST/SUBJECT. For each connection of FROM, TO is opened: " +
			"ws://, wss://, tcp://, tls://, unix://, serial://, exec:COMMAND, mqtt://, nats://. What is no WebSocket is a byte stream, one message a line unless " +
			"--from-format or --to-format says otherwise.\n\n" +
			"A client of FROM is answered only when TO is there; if it is not, the client gets an HTTP 502 that says why. " +
			"Path, query, origin and sub-protocol are passed on; a TO with a path of its own is asked for that, and in it {path}, {query}, {query.NAME}, " +
			"{origin}, {remote} and {channel} are filled in.",
		Flags:  spanFlags(),
		Action: func(c *cli.Context) error { return run(c.Context, e, read(c)) },
	}, app.ExitConnect, app.ExitHandshake, app.ExitTimeout, app.ExitUnclean, app.ExitProtocol, app.ExitScript, app.ExitConfig, app.ExitTransport, app.ExitInterrupt, app.ExitTerminate)
}

// spanFlags are those of the command; a table of --file may have them, too.
func spanFlags() []cli.Flag {
	const messages, losses, from, to, security, limits = "Messages", "When a side is lost", "FROM", "TO", "TLS", "Limits"
	return slices.Concat(listen.HoldFlags(limits, "hold at most `SIZE` of unfinished messages of FROM and TO, those that have not come whole, over all connections; then the largest is given up", " of FROM"), []cli.Flag{
		&cli.StringFlag{Name: "file", Usage: "run the bridges of `FILE` (TOML), and follow its changes"},

		flags.Word(cli.GenericFlag{Name: "from-format", Category: messages, Usage: "`FORMAT` of FROM where it is a byte stream: %s"}, "lines", bidirectional...),
		flags.Word(cli.GenericFlag{Name: "to-format", Category: messages, Usage: "`FORMAT` of TO where it is a byte stream: %s"}, "lines", bidirectional...),
		&cli.BoolFlag{Name: "crlf", Category: messages, Usage: "lines of byte streams end with CR LF"},
		&cli.BoolFlag{Name: "replace-invalid", Category: messages, Usage: "put U+FFFD where a byte stream is not UTF-8 instead of ending with an error"},
		flags.Word(cli.GenericFlag{Name: "binary", Category: messages, Usage: "`HOW` binary messages are carried to drafts 75 and 76: %s"}, hub.Refuse, "refuse (close)", hub.Base64, hub.Hex, hub.Latin1),
		flags.Size(cli.GenericFlag{Name: "max-message", Category: messages, Usage: "largest message, `SIZE`"}, core.DefaultMaxMessage),

		&cli.IntFlag{Name: "buffer", Category: losses, Usage: "open TO again when it is lost, and keep up to `N` messages for it meanwhile, the newest"},
		&cli.BoolFlag{Name: "redeliver", Category: losses, Usage: "with --buffer, send again what was written to a TO that was lost and may not have arrived: at least once"},
		&cli.IntFlag{Name: "retries", Category: losses, Usage: "give up after `N` retries in a row that fail (0: never)"},
		&cli.BoolFlag{Name: "reconnect", Category: losses, Usage: "open FROM again when it ends, where it is opened and not listened on"},
		flags.Time(cli.GenericFlag{Name: "linger", Category: losses, Usage: "when FROM is a byte stream and ends, go on until TO has been silent for `TIME` (0: at once)"}, time.Second),

		&cli.StringFlag{Name: "from-via", Category: from, Usage: "listen for WebSockets of FROM on transport `URL`: unix:///PATH, serial:///DEVICE, wifly:///DEVICE, fd:N, stdio:"},
	}, front.GateFlags(from), front.ProxyFlags(from), []cli.Flag{
		&cli.BoolFlag{Name: "lenient-keys", Category: from, Usage: "take keys that do not divide, for devices that cannot be changed"},
		&cli.BoolFlag{Name: "strict", Category: from, Usage: "refuse what is tolerated otherwise, on both sides"},
		&cli.BoolFlag{Name: "no-compress", Category: from, Usage: "no permessage-deflate (RFC 6455), on both sides"},

		flags.Word(cli.GenericFlag{Name: "dialect", Category: to, Usage: "`DIALECT` of TO where its URL names none: %s"}, core.DefaultDialect, core.Dialects[:]...),
		&cli.StringSliceFlag{Name: "pass-header", Category: to, Usage: "pass on the client's field `NAME`; with Cookie, TO's cookies come back; repeatable"},
		&cli.StringSliceFlag{Name: "header", Aliases: []string{"H"}, Category: to, Usage: "send TO the field `'NAME: VALUE'`, or those of @FILE; repeatable"},
		&cli.StringFlag{Name: "to-origin", Category: to, Usage: "send TO `ORIGIN` in place of the client's"},
		&cli.StringFlag{Name: "to-auth-file", Category: to, Usage: "log in to TO with user:password from the first line of `FILE`"},
		flags.Word(cli.GenericFlag{Name: "header-order", Category: to, Usage: "`ORDER` of the fields: %s"}, "random", "random, as the draft says,", "fixed"),
		&cli.StringFlag{Name: "to-via", Category: to, Value: "tcp:", Usage: "reach a WebSocket TO over the transport `URL`: " + reach.TransportExamples()},
		app.ExecEnvFlag(to),
		&cli.StringFlag{Name: "proxy", Category: to, Usage: "reach TO through the proxy `URL`, socks5:// or http://, or none", DefaultText: "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say"},
		&cli.StringSliceFlag{Name: "resolve", Category: to, Usage: "use ADDR for a name: `HOST:PORT:ADDR`; repeatable"},
		&cli.BoolFlag{Name: "ipv4", Aliases: []string{"4"}, Category: to, Usage: "IPv4 only"},
		&cli.BoolFlag{Name: "ipv6", Aliases: []string{"6"}, Category: to, Usage: "IPv6 only"},
	}, front.CertificateFlags(security, " of FROM"), []cli.Flag{
		&cli.StringFlag{Name: "cacert", Category: security, Usage: "trust the authorities in `FILE` (PEM) for TO"},
		&cli.StringFlag{Name: "cert", Category: security, Usage: "show TO the certificate in `FILE` (PEM)"},
		&cli.StringFlag{Name: "key", Category: security, Usage: "its key `FILE`"},
		&cli.StringFlag{Name: "servername", Category: security, Usage: "`NAME` to ask for and to expect in TO's certificate"},
		&cli.BoolFlag{Name: "insecure", Aliases: []string{"k"}, Category: security, Usage: "accept any certificate of TO"},
		front.MinTLSFlag(security),

		&cli.IntFlag{Name: "max-conns", Category: limits, Value: 10000, Usage: "at most `N` connections of FROM"},
		flags.Time(cli.GenericFlag{Name: "connect-timeout", Category: limits, Usage: "allow `TIME` for opening TO"}, 10*time.Second),
		flags.Time(cli.GenericFlag{Name: "handshake-timeout", Category: limits, Usage: "allow `TIME` for the opening handshake of FROM"}, core.DefaultHandshakeTimeout),
		flags.Time(cli.GenericFlag{Name: "idle", Category: limits, Usage: "close when nothing has passed for `TIME` (0: never)"}, 0),
		reach.DeadFlag(limits),
		flags.Time(cli.GenericFlag{Name: "close-timeout", Category: limits, Usage: "allow `TIME` for the closing handshake"}, core.DefaultCloseTimeout),
		flags.Time(cli.GenericFlag{Name: "grace", Category: limits, Usage: "wait `TIME` for open connections when stopping"}, serve.DefaultGrace),
		hooks.RecordFlag(),
	}, hooks.Flags())
}

// Options are what the command line says, or a table of --file.
type Options struct {
	Args  []string // FROM and TO
	File  string   // "": none
	Hooks *hooks.Options
	Front *front.Options // of FROM
	Hold  listen.Hold    // the same
	Reach *reach.Options // of TO, but for Via

	ExecEnv   []string
	DeadAfter time.Duration // below 0: never

	FromFormat, ToFormat format.Format // of byte streams
	CRLF, ReplaceInvalid bool
	Binary               string

	Buffer    int // 0: none
	Redeliver bool
	Retries   int
	Reconnect bool
	Linger    time.Duration

	FromVia, ToVia string
	LenientKeys    bool
	PassHeaders    []string

	MaxConns               int
	Handshake, Idle, Grace time.Duration

	// Table returns the options of a table of f at path, over these.
	Table func(f *app.Config, table map[string]any, path []string) (*Options, error)
}

func read(c *cli.Context) *Options {
	o := &Options{
		Args: c.Args().Slice(), File: c.String("file"), Hooks: hooks.Read(c), Front: front.Read(c), Hold: listen.ReadHold(c), Reach: reach.Read(c),
		ExecEnv: c.StringSlice("exec-env"), DeadAfter: flags.Bound(c, "dead-after"),
		FromFormat: format.Format(c.String("from-format")), ToFormat: format.Format(c.String("to-format")),
		CRLF: c.Bool("crlf"), ReplaceInvalid: c.Bool("replace-invalid"), Binary: c.String("binary"),
		Buffer: c.Int("buffer"), Redeliver: c.Bool("redeliver"), Retries: c.Int("retries"), Reconnect: c.Bool("reconnect"), Linger: c.Duration("linger"),
		FromVia: c.String("from-via"), ToVia: c.String("to-via"), LenientKeys: c.Bool("lenient-keys"), PassHeaders: c.StringSlice("pass-header"),
		MaxConns: c.Int("max-conns"), Handshake: c.Duration("handshake-timeout"), Idle: c.Duration("idle"), Grace: c.Duration("grace"),
	}
	o.Reach.Origin, o.Reach.OriginFlag, o.Reach.AuthFile = c.String("to-origin"), "--to-origin", c.String("to-auth-file")
	o.Table = func(f *app.Config, table map[string]any, path []string) (*Options, error) {
		set, own := flag.NewFlagSet("", flag.ContinueOnError), spanFlags()
		for key := range table {
			if err := app.Configurable(own, key).Apply(set); err != nil {
				return nil, err
			}
		}
		over := cli.NewContext(c.App, set, c)
		over.Command.Flags = own
		if err := f.Apply(over, table, path, false); err != nil {
			return nil, err
		}
		return read(over), app.NumbersOf(spanFlags()).Check(over)
	}
	return o
}

// bidirectional are the formats that can be read and written.
var bidirectional = []format.Format{format.Lines, format.Nul, format.Hex, format.Base64, format.Len32, format.JSON}

func run(ctx context.Context, e *reach.Env, o *Options) error {
	e.DenseGC()
	if o.File != "" {
		if len(o.Args) > 0 {
			return app.Usagef("bridge --file takes no FROM and TO, got %q", o.Args)
		}
		return runFile(ctx, e, o)
	}
	if len(o.Args) != 2 {
		return app.Usagef("bridge: want FROM and TO, got %q; for instance ws76 bridge ws://:8080 ws+rfc6455://example.com", o.Args)
	}
	s, err := newSpan(ctx, e, o, "", o.Args[0], o.Args[1])
	if err != nil {
		return err
	}
	err = s.run(ctx)
	if err == nil && s.lossy.Load() {
		return app.SilentError(app.ExitUnclean) // what is missing has been said
	}
	return err
}
