// Package docgen makes what follows from a command tree: completions for the shells, and the lists of options in man
// pages. What it returns is checked in; a test of cmd/ws76 fails when that is stale.
package docgen

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// Command is a node of a command tree.
type Command struct {
	Path     string     // "ws76 frame encode"
	Name     string     // "encode"
	Usage    string     // one line
	Args     []Argument // what follows the flags
	Flags    []Flag     // in the order in which they were declared
	Commands []*Command
}

// Argument is an argument of a command.
type Argument struct {
	Name   string // "URL"
	Many   bool   // and those that follow
	Words  []string
	Source string
}

// Flag is a flag of a command.
type Flag struct {
	Names      []string // with their dashes, the long one first
	Usage      string
	Arg        string // what its value is called: "FILE"; "" for a flag without
	Default    string
	Category   string
	Repeatable bool
	Words      []string // the values it takes; nil where they are free
	Source     string   // of values that the program lists; ""
}

// Values are those of flags ("--dialect") and arguments, by their names ("URL"), or
// by command and name ("prog go FILE").
type Values struct {
	Words   map[string][]string // of those that take one of a few
	Sources map[string]string   // of those that the program lists: the KIND of its __complete KIND PREFIX
}

// Tree returns the tree of app, which must not have run: running adds commands
// and flags of its own. Hidden commands are not in it.
func Tree(app *cli.App, values Values) *Command {
	root := &Command{Path: app.Name, Name: app.Name, Usage: app.Usage}
	root.Args = values.arguments(app.Name, "COMMAND")
	root.Flags = values.flags(append(slices.Clone(app.Flags), cli.VersionFlag, cli.HelpFlag))
	root.Commands = values.commands(root.Path, app.Commands)
	return root
}

func (v Values) commands(parent string, list []*cli.Command) []*Command {
	var nodes []*Command
	for _, c := range list {
		if c.Hidden {
			continue
		}
		path := parent + " " + c.Name
		nodes = append(nodes, &Command{
			Path: path, Name: c.Name, Usage: c.Usage, Args: v.arguments(path, c.ArgsUsage),
			Flags:    v.flags(append(slices.Clone(c.Flags), cli.HelpFlag)),
			Commands: v.commands(path, c.Subcommands),
		})
	}
	return nodes
}

// arguments takes apart what help says of them: "URL [MESSAGE...]".
func (v Values) arguments(path, usage string) []Argument {
	var list []Argument
	for word := range strings.FieldsSeq(usage) {
		name := strings.Trim(word, "[].")
		argument := Argument{Name: name, Many: strings.Contains(word, "..."), Words: v.Words[name], Source: v.Sources[name]}
		if source := v.Sources[path+" "+name]; source != "" {
			argument.Source = source
		}
		list = append(list, argument)
	}
	return list
}

func (v Values) flags(list []cli.Flag) []Flag {
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
			flag.Words, flag.Source = v.Words[flag.Names[0]], v.Sources[flag.Names[0]]
			if g, ok := f.(*cli.GenericFlag); ok {
				if w, ok := g.Value.(interface {
					Words() []string
					Repeatable() bool
				}); ok {
					flag.Words, flag.Repeatable = w.Words(), w.Repeatable()
				}
			}
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

// takesAtFile reports whether the flag's value may be @ and the name of a file.
func (f *Flag) takesAtFile() bool { return strings.Contains(f.Usage, "@FILE") }

// takesFile reports whether a value of that name is the name of a file.
func takesFile(name string) bool {
	return strings.Contains(name, "FILE") || strings.HasSuffix(name, ".lua")
}

// takesFolder reports whether a value of that name is the name of a folder.
func takesFolder(name string) bool { return name == "DIR" || name == "FOLDER" }

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
