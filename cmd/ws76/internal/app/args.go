package app

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// Permute moves the flags of a command line before its arguments, because urfave/cli v2 takes a flag behind the first
// argument for an argument. The arguments follow a "--", which also ends the flags where the user wrote it. A command
// that is asked for help gets none: it would take them for its commands.
func Permute(app *cli.App, args []string) []string {
	out := args[:min(1, len(args)):min(1, len(args))]
	flags, commands := app.Flags, app.Commands
	var rest []string
	help := false
	for i := 1; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			rest = append(rest, args[i+1:]...)
			i = len(args)
		case arg == "--help" || arg == "-h":
			help = true
		case len(arg) > 1 && arg[0] == '-':
			if letter, value, ok := glued(flags, arg); ok {
				out = append(out, oneName(flags, letter), value)
				continue
			}
			out = append(out, oneName(flags, arg))
			if takesValue(flags, arg) {
				if i++; i == len(args) {
					return out // whose last flag wants a value
				}
				out = append(out, args[i])
			}
		default:
			if sub := Find(commands, arg); sub != nil && len(rest) == 0 {
				out = append(out, arg)
				flags, commands = sub.Flags, sub.Subcommands
				continue
			}
			rest = append(rest, arg)
		}
	}
	switch {
	case help && (len(rest) == 0 || len(commands) == 0): // else it is about a command that is not there
		return append(out, "--help")
	case len(rest) == 0:
		return out
	}
	return append(append(out, "--"), rest...)
}

// Find returns the command of a name, nil for none.
func Find(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

// takesValue reports whether arg is a flag whose value is the next argument.
// Of bundled short flags (-vn 3) only the last may have one.
func takesValue(flags []cli.Flag, arg string) bool {
	name := strings.TrimLeft(arg, "-")
	if strings.Contains(name, "=") {
		return false
	}
	if f := FindFlag(flags, name); f != nil {
		_, isBool := f.(*cli.BoolFlag)
		return !isBool
	}
	if !strings.HasPrefix(arg, "--") {
		if f := FindFlag(flags, name[len(name)-1:]); f != nil {
			_, isBool := f.(*cli.BoolFlag)
			return !isBool
		}
	}
	return false
}

// oneName writes a flag by its long name: urfave/cli takes -m and --message for a contradiction when both are there.
func oneName(flags []cli.Flag, arg string) string {
	name, value, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	f := FindFlag(flags, name)
	switch {
	case f == nil:
		return arg
	case hasValue:
		return "--" + f.Names()[0] + "=" + value
	}
	return "--" + f.Names()[0]
}

// glued takes apart a short flag that has its value right behind it, like -n1.
func glued(flags []cli.Flag, arg string) (letter, value string, ok bool) {
	if strings.HasPrefix(arg, "--") || len(arg) < 3 || arg[2] == '=' || FindFlag(flags, arg[1:]) != nil {
		return "", "", false
	}
	return arg[:2], arg[2:], takesValue(flags, arg[:2])
}

// FindFlag returns the flag of a name, a short one too; nil for none.
func FindFlag(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}
