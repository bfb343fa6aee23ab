// Package docgen makes what follows from a command tree: completions for the
// shells, and the lists of options in man pages. What it returns is checked in;
// a test of cmd/ws76 fails when that is stale.
package docgen

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// Command is a node of a command tree.
type Command struct {
	Path     string   // "ws76 frame encode"
	Name     string   // "encode"
	Usage    string   // one line
	Args     string   // what follows the flags: "URL [MESSAGE...]"
	ArgWords []string // what the first of them may be, or begin with
	Flags    []Flag   // in the order in which they were declared
	Commands []*Command
}

// Flag is a flag of a command.
type Flag struct {
	Names      []string // with their dashes, the long one first
	Usage      string
	Arg        string // what its value is called: "FILE"; "" for a flag without
	Default    string
	Category   string
	Repeatable bool
	Words      []string // the values it takes, or beginnings of them; nil where they are free
}

// Tree returns the tree of app, which must not have run: running adds commands
// and flags of its own. words has the values of flags ("--dialect") and first
// arguments ("URL") that take one of a few.
func Tree(app *cli.App, words map[string][]string) *Command {
	root := &Command{Path: app.Name, Name: app.Name, Usage: app.Usage}
	root.Flags = flags(append(slices.Clone(app.Flags), cli.VersionFlag, cli.HelpFlag), words)
	root.Commands = commands(root.Path, app.Commands, words)
	return root
}

func commands(parent string, list []*cli.Command, words map[string][]string) []*Command {
	var nodes []*Command
	for _, c := range list {
		path := parent + " " + c.Name
		nodes = append(nodes, &Command{
			Path: path, Name: c.Name, Usage: c.Usage, Args: c.ArgsUsage,
			ArgWords: words[strings.Split(c.ArgsUsage, " ")[0]],
			Flags:    flags(append(slices.Clone(c.Flags), cli.HelpFlag), words),
			Commands: commands(path, c.Subcommands, words),
		})
	}
	return nodes
}

func flags(list []cli.Flag, words map[string][]string) []Flag {
	var out []Flag
	for _, f := range list {
		doc := f.(cli.DocGenerationFlag)
		flag := Flag{}
		for _, name := range f.Names() {
			dashes := "--"
			if len(name) == 1 {
				dashes = "-"
			}
			flag.Names = append(flag.Names, dashes+name)
		}
		flag.Arg, flag.Usage = unquote(doc.GetUsage())
		if c, ok := f.(cli.CategorizableFlag); ok {
			flag.Category = c.GetCategory()
		}
		if s, ok := f.(cli.DocGenerationSliceFlag); ok {
			flag.Repeatable = s.IsSliceFlag()
		}
		if doc.TakesValue() {
			if flag.Arg == "" {
				flag.Arg = "VALUE"
			}
			flag.Default = defaultOf(doc)
			flag.Words = words[flag.Names[0]]
		} else {
			flag.Arg = ""
		}
		out = append(out, flag)
	}
	return out
}

// unquote takes the name of a value out of its back quotes.
func unquote(usage string) (arg, plain string) {
	before, rest, ok := strings.Cut(usage, "`")
	if !ok {
		return "", usage
	}
	arg, after, _ := strings.Cut(rest, "`")
	return strings.Trim(arg, "'"), before + arg + after
}

// defaultOf returns what help shows as the default, "" where that says nothing.
func defaultOf(f cli.DocGenerationFlag) string {
	switch text := strings.Trim(f.GetDefaultText(), `"`); text {
	case "0", "0s":
		return ""
	default:
		return text
	}
}

// takesFile reports whether the flag's value is the name of a file.
func (f *Flag) takesFile() bool { return f.Arg == "FILE" }

// takesAtFile reports whether the flag's value may be @ and the name of a file.
func (f *Flag) takesAtFile() bool { return strings.Contains(f.Usage, "@FILE") }

// takesFile reports whether the arguments of the command are names of files.
func (c *Command) takesFile() bool { return strings.Contains(c.Args, "FILE") }

// all returns c and the commands below it.
func (c *Command) all() []*Command {
	list := []*Command{c}
	for _, sub := range c.Commands {
		list = append(list, sub.all()...)
	}
	return list
}

// names returns the names of the commands below c.
func (c *Command) names() []string {
	var list []string
	for _, sub := range c.Commands {
		list = append(list, sub.Name)
	}
	return list
}
