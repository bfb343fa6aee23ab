package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

const appHelp = `ws76 - {{.Usage}}

USAGE:
   ws76 COMMAND [options] [arguments]

COMMANDS:{{range .VisibleCommands}}
   {{printf "%-12s" .Name}} {{.Usage}}{{end}}

   ws76 COMMAND --help says more. ws76 --version prints {{.Version}}.

EXAMPLES:
   printf 'hello\n' | ws76 connect ws://device.local/    send a line, print what comes back
   ws76 serve --echo                                     an echo server for every dialect
   ws76 keygen                                           a challenge and its answer
   printf 'on\n' | ws76 frame encode | xxd               what a message is on the wire
`

// commandHelp is filled per command by command: examples first, exit codes last.
const commandHelp = `EXAMPLES:
%s

USAGE:
   {{.HelpName}}{{if .VisibleFlags}} [options]{{end}}{{if .VisibleCommands}} COMMAND{{end}} {{.ArgsUsage}}
{{if .Description}}
   {{wrap .Description 3}}
{{end}}{{if .VisibleCommands}}
COMMANDS:{{range .VisibleCommands}}
   {{printf "%%-12s" .Name}} {{.Usage}}{{end}}
{{end}}{{if .VisibleFlagCategories}}
OPTIONS:{{range .VisibleFlagCategories}}
   {{if .Name}}{{.Name}}

   {{end}}{{range $i, $e := .Flags}}{{if $i}}
   {{end}}{{wrap $e.String 6}}{{end}}
{{end}}{{end}}
EXIT CODES:
%s
`

// command completes a command: common flags, environment variables, help that
// opens with UsageText as examples (one a line) and ends with its exit codes.
func (e *env) command(c cli.Command, exits ...int) *cli.Command {
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
	c.CustomHelpTemplate = fmt.Sprintf(commandHelp, indent(c.UsageText), exitTable(exits))
	action := c.Action
	c.Action = func(ctx *cli.Context) error {
		if err := e.log.configure(ctx); err != nil {
			return err
		}
		if action == nil {
			if name := ctx.Args().First(); name != "" {
				return unknownCommand(ctx.Command.Subcommands, ctx.Command.HelpName, name)
			}
			return cli.ShowSubcommandHelp(ctx)
		}
		return action(ctx)
	}
	return &c
}

func indent(text string) string {
	return "   " + strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n   "), "{{", "{{`{{`}}")
}

func exitTable(codes []int) string {
	var b strings.Builder
	for i, code := range append([]int{exitOK, exitOther, exitUsage}, codes...) {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "   %-3d %s", code, exitMeaning[code])
	}
	return b.String()
}
