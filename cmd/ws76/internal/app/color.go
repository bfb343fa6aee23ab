package app

import (
	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/flags"
)

// ColorFlag is --color.
func ColorFlag(category string) cli.Flag {
	return flags.Word(cli.GenericFlag{Name: "color", Category: category, Usage: "`WHEN` to use colours on a terminal: %s"}, "auto", "auto (unless NO_COLOR is set)", "always", "never")
}

// Colors says by --color and NO_COLOR whether what is written to a terminal has colours.
func (e *Env) Colors(when string) bool {
	return when == "always" || when == "auto" && e.Getenv("NO_COLOR") == ""
}
