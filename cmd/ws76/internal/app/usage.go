package app

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/internal/nearest"
)

// What the flag package and urfave/cli say of mistakes.
var (
	unknownFlag   = regexp.MustCompile(`^flag provided but not defined: -(\S+)`)
	noValue       = regexp.MustCompile(`^flag needs an argument: -(\S+)`)
	badValue      = regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?-(\S+): (.*)`)
	badValueOfEnv = regexp.MustCompile(`^could not parse (".*?") .*from environment variable "(\w+)" .*for flag ([^: ]+): (.*)`)
)

// onUsageError says what is wrong with the flags of a command, and what would be right.
func onUsageError(c *cli.Context, err error, _ bool) error {
	var usage UsageError
	if errors.As(err, &usage) {
		return err
	}
	flags := c.App.Flags
	if c.Command != nil && c.Command.Name != "" {
		flags = c.Command.Flags
	}
	text := err.Error()
	if m := unknownFlag.FindStringSubmatch(text); m != nil {
		var known []string
		for _, f := range flags {
			known = append(known, f.Names()[0])
		}
		err = fmt.Errorf("no flag %q%s", dashed(m[1]), DidYouMean(m[1], known, "--%s"))
		if behind := commandWith(c, m[1]); behind != "" {
			err = fmt.Errorf("%s goes behind the command, like %s %s", dashed(m[1]), behind, dashed(m[1]))
		}
	} else if m := noValue.FindStringSubmatch(text); m != nil {
		err = fmt.Errorf("%s wants a value", dashed(m[1]))
		if f, ok := FindFlag(flags, m[1]).(cli.DocGenerationFlag); ok {
			arg, _ := unquoteArg(f.GetUsage())
			err = fmt.Errorf("%s wants a value, %s", dashed(m[1]), arg)
		}
	} else if m := badValue.FindStringSubmatch(text); m != nil {
		err = fmt.Errorf("%s %s: %s", dashed(m[2]), m[1], wanted(FindFlag(flags, m[2]), m[3]))
	} else if m := badValueOfEnv.FindStringSubmatch(text); m != nil {
		err = fmt.Errorf("%s=%s in the environment: %s", m[2], m[1], wanted(FindFlag(flags, m[3]), m[4]))
	}
	return Usagef("%w (see %s --help)", err, c.Command.HelpName)
}

// commandWith is the first command below that of c that has a flag; "" where none has.
func commandWith(c *cli.Context, flag string) string {
	commands := c.App.Commands
	if c.Command != nil && c.Command.HelpName != c.App.HelpName {
		commands = c.Command.Subcommands
	}
	for _, command := range commands {
		if FindFlag(command.Flags, flag) != nil {
			return c.Command.HelpName + " " + command.Name
		}
	}
	return ""
}

// wanted says what the values of a flag are; reason where it knows no better.
func wanted(f cli.Flag, reason string) string {
	switch f.(type) {
	case *cli.BoolFlag:
		return "want true or false"
	case *cli.IntFlag, *cli.Int64Flag, *cli.Uint64Flag:
		return "want a whole number"
	case *cli.Float64Flag:
		return "want a number"
	}
	return reason
}

// UnknownCommand is the error about a name that is none of the commands of parent.
func UnknownCommand(parent, name string, known []string) error {
	of := strings.TrimPrefix(strings.TrimPrefix(parent, "ws76"), " ")
	if of != "" {
		of += ": "
	}
	return Usagef("%sno command %q%s (see %s --help)", of, name, DidYouMean(name, known, "%s"), parent)
}

// DidYouMean is the end of an error about a name that is not known: the one of
// those known that is most like it, written as in format; "" if none is.
func DidYouMean(name string, known []string, format string) string {
	if near := nearest.Name(name, known); near != "" {
		return fmt.Sprintf("; did you mean "+format+"?", near)
	}
	return ""
}

// CommandNames are those of the commands that are shown.
func CommandNames(commands []*cli.Command) []string {
	var names []string
	for _, c := range commands {
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	return names
}
