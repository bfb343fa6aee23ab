// Package output reads the form of messages on standard output.
package output

import (
	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/core/relay/format"
)

// Options are the form of messages as the command line has it.
type Options struct {
	Out      format.Format
	OutGiven bool
	Template string // in place of Out; "": none
	CRLF     bool
}

// Flags are those that Read reads.
func Flags(category string) []cli.Flag {
	return []cli.Flag{
		flags.Word(cli.GenericFlag{Name: "out", Category: category, Usage: "`FORMAT` of standard output: %s"}, "lines", format.Outputs...),
		&cli.StringFlag{Name: "format", Category: category, Usage: "print each message by `TEMPLATE`: %T time, %d data, %j JSON string, %k kind, %c conn, %n number, %p path"},
		&cli.BoolFlag{Name: "crlf", Category: category, Usage: "lines end with CR LF"},
	}
}

// Read reads the options of a command line whose command has Flags.
func Read(c *cli.Context) Options {
	return Options{Out: format.Format(c.String("out")), OutGiven: c.IsSet("out"), Template: c.String("format"), CRLF: c.Bool("crlf")}
}

// Format is how messages are written to the standard output of e.
func (o *Options) Format(e *app.Env) (format.Options, error) {
	to := format.Options{
		Format: o.Out, CRLF: o.CRLF,
		Warn: func(w format.DelimiterWarning) { e.Log.Warnf("--out: %v", w) },
	}
	if o.Template != "" {
		if o.OutGiven {
			return to, app.Usagef("--format and --out exclude each other")
		}
		var err error
		to.Format = format.Templated
		if to.Template, err = format.ParseTemplate(o.Template); err != nil {
			return to, app.Usagef("--format: %w", err)
		}
	}
	if to.Format == format.Len32 {
		if err := e.RefuseBinary("messages in the format len32"); err != nil {
			return to, err
		}
	}
	// What a peer sent is shown on a terminal without its control characters.
	to.Escape = app.IsTerminal(e.Stdout)
	return to, nil
}
