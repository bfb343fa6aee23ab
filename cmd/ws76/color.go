package main

import "github.com/urfave/cli/v2"

func colorFlag(category string) cli.Flag {
	return &cli.StringFlag{Name: "color", Category: category, Value: "auto", Usage: "`WHEN` to use colours on a terminal: auto (unless NO_COLOR is set), always or never"}
}

// colors reads --color and NO_COLOR, for what is written to a terminal.
func (e *env) colors(c *cli.Context) (bool, error) {
	if err := oneOf(c, "color", "auto", "always", "never"); err != nil {
		return false, err
	}
	when := c.String("color")
	return when == "always" || when == "auto" && e.getenv("NO_COLOR") == "", nil
}
