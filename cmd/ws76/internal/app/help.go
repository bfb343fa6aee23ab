package app

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

const appHelp = `ws76 - {{.Usage}}

USAGE:
   ws76 COMMAND [options] [arguments]

COMMANDS:{{range .VisibleCommands}}
   {{printf "%-12s" .Name}} {{.Usage}}{{end}}
{{with ExtraInfo.plugins}}
PLUGIN COMMANDS, and executables ws76-NAME on PATH:
{{.}}{{end}}
   ws76 help COMMAND says more. ws76 --version prints {{.Version}}.

EXAMPLES:
   printf 'hello\n' | ws76 connect ws://device.local/    send a line, print what comes back
   ws76 serve --echo                                     an echo server for every dialect
   ws76 keygen                                           a challenge and its answer
   printf 'on\n' | ws76 frame encode | xxd               what a message is on the wire
`

// otherCommands lists the commands that are not built in, for appHelp. Others have named them and written what they do.
func otherCommands(list []Word) string {
	width := 12
	for _, c := range list {
		width = max(width, len(c.Text))
	}
	var b strings.Builder
	for _, c := range list {
		fmt.Fprintf(&b, "   %-*s %s\n", width, c.Text, Shown(c.About))
	}
	return b.String()
}

// commandHelp is filled per command by Env.Command: examples first, exit codes last.
const commandHelp = `EXAMPLES:
%s

USAGE:
   {{.HelpName}}{{if .VisibleFlags}} [options]{{end}}{{if .VisibleCommands}} COMMAND{{end}}{{with .ArgsUsage}} {{.}}{{end}}
%s{{if .VisibleCommands}}
COMMANDS:{{range .VisibleCommands}}
   {{printf "%%-12s" .Name}} {{.Usage}}{{end}}
{{end}}
OPTIONS, each also as WS76_NAME in the environment:
%s
EXIT CODES:
%s
`

// Command completes a command: common flags, environment variables, help that
// opens with UsageText as examples (one a line) and ends with its exit codes.
func (e *Env) Command(c cli.Command, exits ...int) *cli.Command {
	c.Flags = append(c.Flags, commonFlags()...)
	for _, f := range c.Flags {
		addEnvVar(f)
		if b, ok := f.(*cli.BoolFlag); ok {
			b.DisableDefaultText = true // "default: false" says nothing
		}
	}
	c.HideHelpCommand = true
	c.UseShortOptionHandling = true
	c.OnUsageError = onUsageError
	c.CustomHelpTemplate = fmt.Sprintf(commandHelp,
		literal(indent(c.UsageText)), literal(paragraphs(c.Description)), literal(optionList(c.Flags)), exitTable(exits))
	action, numbers := c.Action, NumbersOf(c.Flags)
	c.Action = func(ctx *cli.Context) error {
		if err := e.configure(ctx); err != nil {
			return err
		}
		if err := e.Log.configure(ctx); err != nil {
			return err
		}
		if err := numbers.Check(ctx); err != nil {
			return err
		}
		e.Children = ChildOptions{Named: ctx.StringSlice("exec-env")}
		if action == nil {
			if name := ctx.Args().First(); name != "" {
				return UnknownCommand(ctx.Command.HelpName, name, CommandNames(ctx.Command.Subcommands))
			}
			return cli.ShowSubcommandHelp(ctx)
		}
		return e.config.blame(action(ctx))
	}
	return &c
}

// literal protects text from the template that it becomes a part of.
func literal(text string) string { return strings.ReplaceAll(text, "{{", "{{`{{`}}") }

func indent(text string) string {
	return "   " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n   ")
}

const helpWidth = 80

// paragraphs wraps the paragraphs of text, each behind an empty line.
func paragraphs(text string) string {
	var b strings.Builder
	for p := range strings.SplitSeq(text, "\n\n") {
		if p != "" {
			b.WriteString("\n   " + Wrap(p, 3) + "\n")
		}
	}
	return b.String()
}

// Wrap breaks text into lines of at most helpWidth columns, all but the first indented by margin.
func Wrap(text string, margin int) string {
	var b strings.Builder
	column := margin
	for i, word := range strings.Fields(text) {
		width := utf8.RuneCountInString(word)
		switch {
		case i > 0 && column+1+width > helpWidth:
			b.WriteString("\n" + strings.Repeat(" ", margin))
			column = margin
		case i > 0:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += width
	}
	return b.String()
}

// optionList lists flags by category: names, then what they do on lines of their own.
func optionList(flags []cli.Flag) string {
	var categories []string // in order of appearance, that of every command last
	byCategory := map[string][]cli.Flag{}
	for _, f := range flags {
		c := ""
		if f, ok := f.(cli.CategorizableFlag); ok {
			c = f.GetCategory()
		}
		if byCategory[c] == nil {
			categories = append(categories, c)
		}
		byCategory[c] = append(byCategory[c], f)
	}
	var b strings.Builder
	for i, c := range categories {
		if c != "" {
			fmt.Fprintf(&b, "   %s\n", c)
		} else if i > 0 {
			b.WriteByte('\n')
		}
		for _, f := range byCategory[c] {
			writeOption(&b, f.(cli.DocGenerationFlag))
		}
	}
	return b.String()
}

func writeOption(b *strings.Builder, f cli.DocGenerationFlag) {
	const margin = 28 // of the second column
	var names []string
	for _, name := range f.Names() {
		names = append([]string{dashed(name)}, names...) // short ones first
	}
	label := "     " + strings.Join(names, ", ")
	arg, usage := unquoteArg(f.GetUsage())
	if f.TakesValue() {
		label += " " + arg
		if def := defaultText(f); def != "" {
			usage += " (default: " + def + ")"
		}
	}
	b.WriteString(label)
	if width := utf8.RuneCountInString(label); width+2 > margin {
		b.WriteString("\n" + strings.Repeat(" ", margin))
	} else {
		b.WriteString(strings.Repeat(" ", margin-width))
	}
	b.WriteString(Wrap(usage, margin) + "\n")
}

// unquoteArg finds the name of a value in a usage text, between back quotes.
func unquoteArg(usage string) (arg, plain string) {
	before, rest, ok := strings.Cut(usage, "`")
	arg, after, closed := strings.Cut(rest, "`")
	if !ok || !closed {
		return "VALUE", usage
	}
	return arg, before + arg + after
}

func defaultText(f cli.DocGenerationFlag) string {
	switch text := strings.Trim(f.GetDefaultText(), `"`); text {
	case "0", "0s", "[]":
		return ""
	default:
		return text
	}
}

func exitTable(codes []int) string {
	var b strings.Builder
	codes = append([]int{ExitOK, ExitOther, ExitUsage, ExitConfig}, codes...)
	slices.Sort(codes)
	for i, code := range slices.Compact(codes) {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "   %-3d %s", code, ExitMeaning[code])
	}
	return b.String()
}
