// Package reach reads how a command is to reach its peer, URL, dialect, head, TLS and the way there, and dials it.
package reach

import (
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/internal/tcplimit"
	wstls "github.com/ws76/ws76/transports/tls"
)

// FlagSet is which flags a command has of those that say how a URL is reached.
type FlagSet struct {
	Challenge bool   // a fixed one
	OriginToo string // what else --origin does
}

// Flags say how the URL of a server is reached. Read reads them.
func Flags(set *FlagSet) []cli.Flag {
	const handshake, network, security = "Handshake", "Network", "TLS"
	list := []cli.Flag{
		flags.Word(cli.GenericFlag{Name: "dialect", Category: handshake, Usage: "`DIALECT`: %s"}, core.DefaultDialect, core.Dialects[:]...),
		&cli.StringSliceFlag{Name: "header", Aliases: []string{"H"}, Category: handshake, Usage: "add the field `'NAME: VALUE'`, or those of @FILE, in place of a default of that name; repeatable"},
		&cli.StringFlag{Name: "origin", Category: handshake, Usage: "send `ORIGIN`" + set.OriginToo, DefaultText: "http://HOST of the URL"},
		&cli.StringSliceFlag{Name: "protocol", Category: handshake, Usage: "ask for sub-protocol `NAME`; repeatable"},
		&cli.StringSliceFlag{Name: "cookie", Category: handshake, Usage: "send cookie `'NAME=VALUE'`; repeatable"},
		&cli.StringFlag{Name: "auth-file", Category: handshake, Usage: "log in with user:password from the first line of `FILE`"},
	}
	if set.Challenge {
		list = append(list,
			&cli.StringFlag{Name: "key1", Category: handshake, Usage: "fixed Sec-WebSocket-Key1 `KEY`"},
			&cli.StringFlag{Name: "key2", Category: handshake, Usage: "fixed Sec-WebSocket-Key2 `KEY`"},
			&cli.StringFlag{Name: "key3", Category: handshake, Usage: "fixed `KEY`: 8 characters, hex:… or base64:…"},
		)
	}
	return append(list,
		flags.Word(cli.GenericFlag{Name: "header-order", Category: handshake, Usage: "`ORDER` of the fields: %s"}, "random", "random, as the draft says,", "fixed"),
		&cli.BoolFlag{Name: "strict", Category: handshake, Usage: "refuse what is tolerated otherwise"},
		&cli.BoolFlag{Name: "no-compress", Category: handshake, Usage: "do not offer permessage-deflate (RFC 6455)"},

		&cli.StringFlag{Name: "via", Category: network, Value: "tcp:", Usage: "reach the server over the transport `URL`: " + TransportExamples()},
		app.ExecEnvFlag(network),
		&cli.StringFlag{Name: "proxy", Category: network, Usage: "reach it through the proxy `URL`, socks5:// or http://, or none", DefaultText: "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say"},
		&cli.StringSliceFlag{Name: "resolve", Category: network, Usage: "use ADDR for a name: `HOST:PORT:ADDR`; repeatable"},
		&cli.BoolFlag{Name: "ipv4", Aliases: []string{"4"}, Category: network, Usage: "IPv4 only"},
		&cli.BoolFlag{Name: "ipv6", Aliases: []string{"6"}, Category: network, Usage: "IPv6 only"},
		flags.Time(cli.GenericFlag{Name: "connect-timeout", Category: network, Usage: "allow `TIME` for connecting and the handshake"}, 30*time.Second),

		DeadFlag(network),

		&cli.StringFlag{Name: "cacert", Category: security, Usage: "trust the authorities in `FILE` (PEM)"},
		&cli.StringFlag{Name: "cert", Category: security, Usage: "client certificate `FILE` (PEM)"},
		&cli.StringFlag{Name: "key", Category: security, Usage: "its key `FILE`"},
		&cli.StringFlag{Name: "servername", Category: security, Usage: "`NAME` to ask for and to expect in the certificate"},
		&cli.BoolFlag{Name: "insecure", Aliases: []string{"k"}, Category: security, Usage: "accept any certificate"},
		flags.Word(cli.GenericFlag{Name: "tls-min", Category: security, Usage: "lowest TLS `VERSION`, %s; 1.0 and 1.1 with their ciphers are for old devices only"}, "1.2", wstls.Versions...),
	)
}

// DeadFlag is for commands that have TCP connections; Env.OpenTransport sees to them.
func DeadFlag(category string) cli.Flag {
	return flags.Time(cli.GenericFlag{Name: "dead-after", Category: category, Usage: "give up a TCP peer that acknowledges nothing for `TIME`: its power is off, or the way there is cut (0: the system's time, some 15 minutes)"}, tcplimit.Default)
}

// Options say how a URL is reached, as the command line has them.
type Options struct {
	Dialect        core.Dialect // where the URL names none
	Origin         string
	OriginFlag     string // that sends another, for errors
	Protocols      []string
	Header         []string // fields, and @FILE
	Cookies        []string
	AuthFile       string
	Key1, Key2     string
	Key3           string
	FixedOrder     bool
	Strict         bool
	Compress       bool
	MaxMessage     int64
	ConnectTimeout time.Duration // 0: any
	CloseTimeout   time.Duration

	Via        string  // the URL of a transport
	ViaFlag    string  // that has it, for errors
	Proxy      *string // its URL, "" and none for no proxy; nil: that of the environment
	Resolve    []string
	IPv4, IPv6 bool

	TLS wstls.ConfigOptions
}

// Read reads the options of a command line whose command has Flags, or some of them.
func Read(c *cli.Context) *Options {
	o := &Options{
		Dialect: core.Dialect(c.String("dialect")),
		Origin:  c.String("origin"), OriginFlag: "--origin",
		Protocols: c.StringSlice("protocol"), Header: c.StringSlice("header"), Cookies: c.StringSlice("cookie"), AuthFile: c.String("auth-file"),
		Key1: c.String("key1"), Key2: c.String("key2"), Key3: c.String("key3"),
		FixedOrder: c.String("header-order") == "fixed", Strict: c.Bool("strict"), Compress: !c.Bool("no-compress"),
		MaxMessage: flags.Bytes(c, "max-message"), ConnectTimeout: c.Duration("connect-timeout"), CloseTimeout: c.Duration("close-timeout"),
		Via: c.String("via"), ViaFlag: "--via", Resolve: c.StringSlice("resolve"), IPv4: c.Bool("ipv4"), IPv6: c.Bool("ipv6"),
		TLS: wstls.ConfigOptions{
			CAFile: c.String("cacert"), CertFile: c.String("cert"), KeyFile: c.String("key"),
			ServerName: c.String("servername"), Insecure: c.Bool("insecure"), MinVersion: c.String("tls-min"),
		},
	}
	if c.IsSet("proxy") {
		proxy := c.String("proxy")
		o.Proxy = &proxy
	}
	return o
}

// MaxMessageFlag is --max-message, which Read reads, too.
func MaxMessageFlag(category string) cli.Flag {
	return flags.Size(cli.GenericFlag{Name: "max-message", Category: category, Usage: "largest message, `SIZE`"}, core.DefaultMaxMessage)
}

// CloseTimeoutFlag is --close-timeout, which Read reads, too.
func CloseTimeoutFlag(category string) cli.Flag {
	return flags.Time(cli.GenericFlag{Name: "close-timeout", Category: category, Usage: "wait `TIME` for the peer's closing frame"}, core.DefaultCloseTimeout)
}
