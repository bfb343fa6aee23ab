package app

import (
	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/flags"
)

// ColorFlag is --color.
func ColorFlag(category string) cli.Flag {
	return flags.Word(cli.GenericFlag{Name: "color", Category: category, Usage: "`WHEN` to use colours on a terminal: %s"}, "auto", "auto (unless NO_COLOR is set)", "always", "never")
}

// Colors reads --color and NO_COLOR, for what is written to a terminal.
func (e *Env) Colors(c *cli.Context) bool {
	when := c.String("color")
	return when == "always" || when == "auto" && e.Getenv("NO_COLOR") == ""
}
