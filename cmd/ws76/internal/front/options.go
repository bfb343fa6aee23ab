package front

import (
	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	wstls "github.com/ws76/ws76/transports/tls"
)

// Options say who may come in, and as whom, as the command line has them.
type Options struct {
	Origins, Hosts  []string
	AuthFile        string
	PublicURL       string
	Forwarded       bool
	TLSCert, TLSKey string
	TLSMin          string
}

// GateFlags say who may come in.
func GateFlags(category string) []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "origin", Category: category,
			Usage: "allow pages of `PATTERN`, beside those of the same site, like http://*.example.org; null: pages without an origin, none: clients that send no Origin, *: all; repeatable"},
		&cli.StringSliceFlag{Name: "host", Category: category,
			Usage: "be known as `NAME`, or the names of a pattern like *.lan, beside addresses, localhost and the host of --public-url; *: all; repeatable"},
		&cli.StringFlag{Name: "auth-file", Category: category, Usage: "let in only the users of `FILE`, lines USER:PASSWORD or those of htpasswd -B"},
	}
}

// ProxyFlags say what a proxy in front of the command changes.
func ProxyFlags(category string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "public-url", Category: category, Usage: "`URL` that clients see, for Location: wss://HOST[:PORT]"},
		&cli.BoolFlag{Name: "trust-forwarded", Category: category, Usage: "take scheme and host for Location, and the client's address, from X-Forwarded-Proto, -Host and -For"},
	}
}

// CertificateFlags are --tls-cert, of what is said, and --tls-key.
func CertificateFlags(category, of string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "tls-cert", Category: category, Usage: "certificate `FILE` (PEM)" + of + "; TLS and plain share the port"},
		&cli.StringFlag{Name: "tls-key", Category: category, Usage: "its key `FILE`"},
	}
}

// MinTLSFlag is --tls-min, for clients and the servers that a command dials alike.
func MinTLSFlag(category string) cli.Flag {
	return flags.Word(cli.GenericFlag{Name: "tls-min", Category: category, Usage: "lowest TLS `VERSION`, %s; 1.0 and 1.1 are for old devices only"}, "1.2", wstls.Versions...)
}

// Read reads the options of a command line whose command has all these flags.
func Read(c *cli.Context) *Options {
	return &Options{
		Origins: c.StringSlice("origin"), Hosts: c.StringSlice("host"), AuthFile: c.String("auth-file"),
		PublicURL: c.String("public-url"), Forwarded: c.Bool("trust-forwarded"),
		TLSCert: c.String("tls-cert"), TLSKey: c.String("tls-key"), TLSMin: c.String("tls-min"),
	}
}
