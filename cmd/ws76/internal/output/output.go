package output

import (
	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/core/relay/format"
)

// Read reads --out, --format and --crlf.
func Read(e *app.Env, c *cli.Context) (format.Options, error) {
	o := format.Options{
		CRLF: c.Bool("crlf"),
		Warn: func(w format.DelimiterWarning) { e.Log.Warnf("--out: %v", w) },
	}
	var err error
	if template := c.String("format"); template != "" {
		if c.IsSet("out") {
			return o, app.Usagef("--format and --out exclude each other")
		}
		o.Format = format.Templated
		if o.Template, err = format.ParseTemplate(template); err != nil {
			return o, app.Usagef("--format: %w", err)
		}
	} else {
		o.Format = format.Format(c.String("out"))
	}
	if o.Format == format.Len32 {
		if err := e.RefuseBinary("messages in the format len32"); err != nil {
			return o, err
		}
	}
	// What a peer sent is shown on a terminal without its control characters.
	o.Escape = app.IsTerminal(e.Stdout)
	return o, nil
}

// Flags are those that Read reads.
func Flags(category string) []cli.Flag {
	return []cli.Flag{
		flags.Word(cli.GenericFlag{Name: "out", Category: category, Usage: "`FORMAT` of standard output: %s"}, "lines", format.Outputs...),
		&cli.StringFlag{Name: "format", Category: category, Usage: "print each message by `TEMPLATE`: %T time, %d data, %j JSON string, %k kind, %c conn, %n number, %p path"},
		&cli.BoolFlag{Name: "crlf", Category: category, Usage: "lines end with CR LF"},
	}
}
