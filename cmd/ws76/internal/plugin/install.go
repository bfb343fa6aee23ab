package plugin

import (
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/plugins"
)

func newCommand(e *reach.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:      "new",
		Usage:     "write a plugin to begin with",
		ArgsUsage: "NAME",
		UsageText: `ws76 plugin new hello                       then ws76 connect ws://x/ --plugin hello
ws76 plugin new hello --dir .               then ws76 connect ws://x/ --plugin ./hello`,
		Description: "Writes plugin.lua, a test and a README into a folder NAME where plugins are found, and prints its path. " +
			"The plugin works as it is; change plugin.lua and save, and it is loaded anew wherever it runs.",
		Flags:  []cli.Flag{&cli.StringFlag{Name: "dir", Usage: "make the folder in `FOLDER`", DefaultText: "$XDG_DATA_HOME/ws76/plugins"}},
		Action: func(c *cli.Context) error { return runNew(e, readNew(c)) },
	}, app.ExitScript)
}

// newOptions are what the command line says.
type newOptions struct {
	Names []string
	Dir   string // "": where plugins are installed
}

func readNew(c *cli.Context) *newOptions { return &newOptions{c.Args().Slice(), c.String("dir")} }

func runNew(e *reach.Env, o *newOptions) error {
	if len(o.Names) != 1 {
		return app.Usagef("plugin new: want one NAME, as in ws76 plugin new hello")
	}
	into := o.Dir
	if into == "" {
		var err error
		if into, err = e.PluginHome(); err != nil {
			return err
		}
	}
	name := o.Names[0]
	if err := plugins.CheckName(name); err != nil {
		return app.Usagef("plugin new: %w", err)
	}
	if taken := taken(e, name); taken != "" {
		return app.Usagef("plugin new: %q is %s", name, taken)
	}
	p, err := plugins.New(name, into)
	if err != nil {
		return err
	}
	e.Log.Infof("use it with --plugin %s", name)
	_, err = fmt.Fprintln(e.Stdout, p.Dir)
	return err
}

// taken says what has the name of a plugin already, "" for nothing.
func taken(e *reach.Env, name string) string {
	if by := takenName(e)(name, false); by != "" {
		return by
	}
	switch p, err := hooks.PluginFinder(e.Env, e.Getenv("WS76_PLUGIN_PATH")).Find(name); {
	case err == nil:
		return "a plugin already: " + p.Where()
	case !errors.Is(err, plugins.ErrNotFound):
		return "a plugin already, a broken one: " + err.Error()
	}
	return ""
}

// takenName says what of ws76 itself, or on PATH, has the name of a plugin or of a command.
func takenName(e *reach.Env) func(name string, command bool) string {
	builtin := e.Program.Commands()
	return func(name string, command bool) string {
		switch {
		case isBuiltin(builtin, name):
			return "a command of ws76"
		case !command && slices.ContainsFunc(compiled, func(p report) bool { return p.Name == name }):
			return "a plugin that is built in"
		case command && programOf(builtin, name) != "":
			return "the program " + programOf(builtin, name)
		}
		return ""
	}
}

func installCommand(e *reach.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:      "install",
		Usage:     "install a plugin from a folder or an archive",
		ArgsUsage: "FOLDER|FILE.tar.gz",
		UsageText: `ws76 plugin install ./hello
ws76 plugin install hello-1.0.0.tar.gz
ws76 plugin install --grant ./hello         it may do what it says that it needs`,
		Description: "Copies the plugin and records the sums of its files, which are checked whenever it is loaded. A source is refused whole " +
			"where its manifest is wrong, a file of Lua does not compile, its name or a command is taken, or there is anything in it but " +
			"files and folders of its own: paths that lead out, links, devices, more than 1000 files or 16 MiB. Files whose name begins with a dot are left out.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "grant", Usage: "grant what the plugin says that it needs, as --allow would, until its files change"},
			jsonFlag("as plugin list prints it"),
		},
		Action: func(c *cli.Context) error {
			return runInstall(e, readInstall(c))
		},
	}, app.ExitScript)
}

// installOptions are what the command line says.
type installOptions struct {
	Sources     []string
	Grant, JSON bool
}

func readInstall(c *cli.Context) *installOptions {
	return &installOptions{c.Args().Slice(), c.Bool("grant"), c.Bool("json")}
}

func runInstall(e *reach.Env, o *installOptions) error {
	if len(o.Sources) != 1 {
		return app.Usagef("plugin install: want one FOLDER or FILE.tar.gz")
	}
	home, err := e.PluginHome()
	if err != nil {
		return err
	}
	p, err := plugins.Install(o.Sources[0], home, hooks.PluginFinder(e.Env, e.Getenv("WS76_PLUGIN_PATH")), takenName(e))
	if err != nil {
		return err
	}
	grants, err := hooks.GrantsDir(e.Env)
	if err != nil {
		return err
	}
	if o.Grant {
		err = p.KeepGrant(grants)
	} else {
		err = plugins.DropGrant(grants, p.Name)
	}
	if err != nil {
		return err
	}
	j := describe(e, p)
	if o.JSON {
		return e.PrintJSON(j)
	}
	_, err = fmt.Fprintf(e.Stdout, "%s %s: %s\n%s", p.Name, p.Version, p.Dir, j.needs())
	return err
}

func removeCommand(e *reach.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:        "remove",
		Usage:       "remove a plugin",
		ArgsUsage:   "NAME",
		UsageText:   `ws76 plugin remove hello`,
		Description: "Removes the plugin's folder from where plugins are installed, without asking. Those that are built in stay.",
		Action:      func(c *cli.Context) error { return runRemove(e, c.Args().Slice()) },
	}, app.ExitScript)
}

func runRemove(e *reach.Env, names []string) error {
	if len(names) != 1 {
		return app.Usagef("plugin remove: want one NAME; ws76 plugin list shows them")
	}
	home, err := e.PluginHome()
	if err != nil {
		return err
	}
	if name := names[0]; slices.ContainsFunc(compiled, func(p report) bool { return p.Name == name }) {
		return fmt.Errorf("plugin %s: %w", name, plugins.ErrBuiltin)
	}
	p, err := plugins.Remove(names[0], home)
	if err != nil {
		return err
	}
	grants, err := hooks.GrantsDir(e.Env)
	if err == nil {
		err = plugins.DropGrant(grants, p.Name)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(e.Stdout, "removed "+p.Dir)
	return err
}
