// Package plugin is ws76 plugin, and the commands that plugins and executables on PATH add.
package plugin

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core/relay/record"
	"github.com/ws76/ws76/endpoints/mqtt"
	"github.com/ws76/ws76/endpoints/nats"
	"github.com/ws76/ws76/plugins"
)

// Command is ws76 plugin.
func Command(e *reach.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:  "plugin",
		Usage: "list, describe, begin, install and remove plugins",
		UsageText: `ws76 plugin list                            what there is
ws76 plugin info socketio                   its options, commands and page
ws76 plugin new hello                       a plugin to begin with
ws76 connect ws://x/ --plugin hello         use it; edits are taken while it runs
ws76 plugin install hello-1.0.0.tar.gz      install one, or ./hello
ws76 plugin remove hello                    and remove it`,
		Subcommands: []*cli.Command{
			listCommand(e), infoCommand(e), newCommand(e), installCommand(e), removeCommand(e),
		},
	}, app.ExitScript)
}

func jsonFlag(shape string) cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "one JSON object a line: " + shape}
}

func listCommand(e *reach.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:  "list",
		Usage: "list plugins, and executables that are commands",
		UsageText: `ws76 plugin list
ws76 plugin list --json | jq -r .name`,
		Description: "Plugins are folders with a plugin.lua in the FOLDERS of --plugin-path, then in $XDG_DATA_HOME/ws76/plugins " +
			"(~/.local/share/ws76/plugins), and those that are built in; what is found first counts. Their code is not run. " +
			"One that is broken is named on standard error, and the exit code is 8.",
		Flags:  []cli.Flag{hooks.PluginPathFlag(""), jsonFlag("name, kind (lua, go, program), version, summary, where, commands, options, changed")},
		Action: func(c *cli.Context) error { return runList(e, readList(c)) },
	}, app.ExitScript)
}

// report is what --json prints of a plugin.
type report struct {
	Name     string          `json:"name"`
	Kind     string          `json:"kind"` // "lua"; "go": part of ws76; "program": an executable ws76-NAME
	Version  string          `json:"version,omitempty"`
	Summary  string          `json:"summary,omitempty"`
	Where    string          `json:"where"`
	Example  string          `json:"example,omitempty"`
	Source   string          `json:"source,omitempty"` // of an installed one
	Commands []commandReport `json:"commands,omitempty"`
	Options  []optionReport  `json:"options,omitempty"`
	Changed  []string        `json:"changed,omitempty"` // since it was installed

	Permissions []string `json:"permissions,omitempty"` // that it needs
	Granted     bool     `json:"granted,omitempty"`     // them, when it was installed
}

type commandReport struct {
	Name    string `json:"name"`
	Usage   string `json:"usage,omitempty"`
	Summary string `json:"summary"`
}

type optionReport struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Default  *string  `json:"default,omitempty"`
	Required bool     `json:"required,omitempty"`
	Values   []string `json:"values,omitempty"`
	Help     string   `json:"help,omitempty"`
}

// compiled are the plugins in Go, which other flags and URLs than --plugin use.
var compiled = []report{
	{Name: "mqtt", Kind: "go", Where: "built in", Summary: mqtt.Summary, Example: "ws76 bridge ws://:8080 " + mqtt.Example},
	{Name: "nats", Kind: "go", Where: "built in", Summary: nats.Summary, Example: "ws76 bridge ws://:8080 " + nats.Example},
	{Name: "record", Kind: "go", Where: "built in", Summary: record.Summary, Example: record.Example},
}

func describe(e *reach.Env, p *plugins.Plugin) report {
	j := report{Name: p.Name, Kind: "lua", Version: p.Version, Summary: p.Summary, Where: p.Where()}
	for _, c := range p.Commands {
		j.Commands = append(j.Commands, commandReport{c.Name, c.Usage, c.Summary})
	}
	for _, o := range p.Options {
		option := optionReport{Name: o.Name, Type: o.Type, Required: o.Required, Values: o.Values, Help: o.Help}
		if o.HasDefault {
			option.Default = &o.Default
		}
		j.Options = append(j.Options, option)
	}
	if p.Record != nil {
		j.Source = p.Record.Source
	}
	changed, err := p.Changed()
	if err != nil {
		changed = []string{err.Error()}
	}
	j.Changed = changed
	j.Permissions = p.Permissions
	if grants, err := hooks.GrantsDir(e.Env); err == nil {
		granted, err := p.Granted(grants)
		j.Granted = err == nil && granted != nil
	}
	return j
}

// needs says what a plugin needs, and whether that was granted; "" where it needs nothing.
func (j report) needs() string {
	if j.Permissions == nil {
		return ""
	}
	granted := "not granted: --allow grants it, or plugin install --grant"
	if j.Granted {
		granted = "granted when it was installed"
	}
	return fmt.Sprintf("it needs %s (%s)\n", strings.Join(j.Permissions, ", "), granted)
}

// listOptions are what the command lines of list and info say.
type listOptions struct {
	Args []string
	Path string // folders to look in first
	JSON bool
}

func readList(c *cli.Context) *listOptions {
	return &listOptions{c.Args().Slice(), c.String("plugin-path"), c.Bool("json")}
}

func runList(e *reach.Env, o *listOptions) error {
	if err := app.NoArguments("plugin list", o.Args, ""); err != nil {
		return err
	}
	found, broken := hooks.PluginFinder(e.Env, o.Path).List()
	list := slices.Clone(compiled)
	for _, p := range found {
		list = append(list, describe(e, p))
	}
	for _, program := range executables(e.Program.Commands(), e) {
		list = append(list, report{Name: program.Text, Kind: "program", Where: program.About})
	}
	slices.SortStableFunc(list, func(a, b report) int { return strings.Compare(a.Name, b.Name) })
	if err := printAll(e, list, o.JSON); err != nil {
		return err
	}
	for _, err := range broken {
		e.Log.Errorf("%v", err)
	}
	if broken != nil {
		return app.SilentError(app.ExitScript)
	}
	return nil
}

func printAll(e *reach.Env, list []report, asJSON bool) error {
	width := 0
	for _, p := range list {
		width = max(width, len(p.Name))
	}
	for _, p := range list {
		var err error
		if asJSON {
			err = e.PrintJSON(p)
		} else {
			about := p.Summary
			if p.Kind == "program" {
				about = "the program " + p.Where
			} else if p.Where != "built in" {
				about += " (" + p.Where + ")"
			}
			if p.Changed != nil {
				about += "; not as it was installed"
			}
			_, err = fmt.Fprintf(e.Stdout, "%-*s  %-7s  %s\n", width, app.Shown(p.Name), app.Shown(p.Version), app.Shown(about))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func infoCommand(e *reach.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:      "info",
		Usage:     "say what a plugin does, its options and commands",
		ArgsUsage: "NAME",
		UsageText: `ws76 plugin info socketio
ws76 plugin info ./hello
ws76 plugin info --json heartbeat`,
		Description: "NAME may be the path of a folder, with a slash in it. The text of the plugin's README.md follows.",
		Flags:       []cli.Flag{hooks.PluginPathFlag(""), jsonFlag("as plugin list prints it")},
		Action:      func(c *cli.Context) error { return runInfo(e, readList(c)) },
	}, app.ExitScript)
}

func runInfo(e *reach.Env, o *listOptions) error {
	if len(o.Args) != 1 {
		return app.Usagef("plugin info: want one NAME; ws76 plugin list shows them")
	}
	name := o.Args[0]
	var j report
	readme := ""
	if i := slices.IndexFunc(compiled, func(p report) bool { return p.Name == name }); i >= 0 {
		j = compiled[i]
	} else {
		finder := hooks.PluginFinder(e.Env, o.Path)
		p, err := finder.Find(name)
		if err != nil {
			return hooks.PluginMissing("plugin info: ", finder, name, err)
		}
		j, readme = describe(e, p), p.Readme()
	}
	if o.JSON {
		return e.PrintJSON(j)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s\n%s\n", j.Name, j.Version, j.Summary, j.Where)
	if j.Source != "" {
		fmt.Fprintf(&b, "installed from %s\n", j.Source)
	}
	b.WriteString(j.needs())
	for _, what := range j.Changed {
		fmt.Fprintf(&b, "not as it was installed: %s\n", what)
	}
	if j.Example != "" {
		fmt.Fprintf(&b, "\n   %s\n", j.Example)
	}
	if len(j.Options) > 0 {
		fmt.Fprintf(&b, "\nOPTIONS, as in --plugin %s,%s=...\n", j.Name, j.Options[0].Name)
	}
	for _, option := range j.Options {
		help := option.Help
		if option.Values != nil {
			help += " (" + strings.Join(option.Values, ", ") + ")"
		}
		switch {
		case option.Required:
			help += " (required)"
		case option.Default != nil && *option.Default != "":
			text := *option.Default
			if strings.Contains(text, " ") {
				text = strconv.Quote(text)
			}
			help += " (default: " + text + ")"
		}
		fmt.Fprintf(&b, "   %-24s %s\n", option.Name+" "+strings.ToUpper(option.Type), app.Wrap(help, 28))
	}
	if len(j.Commands) > 0 {
		b.WriteString("\nCOMMANDS\n")
	}
	for _, command := range j.Commands {
		fmt.Fprintf(&b, "   ws76 %s %s\n%28s%s\n", command.Name, command.Usage, "", app.Wrap(command.Summary, 28))
	}
	if readme != "" {
		b.WriteString("\n" + readme)
	}
	return e.Print([]byte(b.String()))
}
