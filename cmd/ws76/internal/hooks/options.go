// Package hooks makes what messages go through of a command line: plugins, scripts, their
// permissions and limits, and a recorder.
package hooks

import (
	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/scripts"
)

const category = "Scripts"

// Options say what messages go through, as the command line has them.
type Options struct {
	Plugins    []string // NAME[,OPTION=VALUE...], before the scripts
	PluginPath string   // folders that they are looked for in first
	Scripts    []string // files
	Evals      []string // texts, behind the files
	Reload     bool     // scripts that change
	Watch      bool     // programs that do
	OnError    string   // what to do with a message whose hook failed
	Args       []string // NAME=VALUE, or a value
	Allow      []string
	Trust      bool
	Limits     scripts.Limits
	Record     string // a file, or -; "": none

	Arguments []string // those of the command
	Vias      []string // of --via and --to-via
}

// Flags are the flags of commands whose messages go through scripts.
func Flags() []cli.Flag {
	return append(append(PluginFlags(), []cli.Flag{
		&cli.StringSliceFlag{Name: "script", Category: category, Usage: "run messages through the Lua script `FILE`; repeatable, first to last"},
		&cli.StringSliceFlag{Name: "eval", Category: category, Usage: "run them through `LUA`, behind the scripts; repeatable"},
		&cli.BoolFlag{Name: "no-reload", Category: category, Usage: "do not load scripts anew when they change"},
		flags.Word(cli.GenericFlag{Name: "on-script-error", Category: category, Usage: "`WHAT` to do with a message whose hook failed: %s"}, "pass", "pass", "drop", "close the connection,", "exit"),
	}...), LuaFlags()...)
}

// LuaFlags are those of all commands that run Lua.
func LuaFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "script-arg", Category: category, Usage: "put `NAME=VALUE`, or a value, into the table args; repeatable"},
		&cli.StringSliceFlag{Name: "allow", KeepSpace: true, Category: category,
			Usage: "let scripts do `WHAT`: exec, net, listen, read, write, env, serial or unix, of one of them as in net=HOST:PORT, read=FOLDER; repeatable"},
		&cli.BoolFlag{Name: "trust-scripts", Category: category, Usage: "let scripts do all of that, and plugins what they state"},
		flags.Time(cli.GenericFlag{Name: "script-timeout", Category: category, Usage: "stop a call of a script after `TIME`"}, scripts.DefaultTimeout),
		flags.Size(cli.GenericFlag{Name: "script-max-string", Category: category, Usage: "largest string that a script may make, `SIZE`"}, scripts.DefaultMaxString),
		flags.Size(cli.GenericFlag{Name: "script-max-memory", Category: category, Usage: "most memory that a script may keep, or that a call may take, `SIZE`"}, scripts.DefaultMaxMemory),
		&cli.IntFlag{Name: "script-max-tasks", Category: category, Value: scripts.DefaultMaxTasks, Usage: "at most `N` tasks of a script at a time"},
		&cli.IntFlag{Name: "script-max-queue", Category: category, Value: scripts.DefaultMaxQueue, Usage: "at most `N` messages of a script waiting for a connection"},
	}
}

// PluginFlags are the flags of commands whose messages go through plugins.
func PluginFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "plugin", KeepSpace: true, Category: category, Usage: "run messages through the plugin `NAME[,OPTION=VALUE...]`, before the scripts; repeatable"},
		PluginPathFlag(category),
	}
}

// PluginPathFlag is --plugin-path.
func PluginPathFlag(category string) cli.Flag {
	return &cli.StringFlag{Name: "plugin-path", Category: category, Usage: "look for plugins in `FOLDERS` first, which are separated as in PATH"}
}

// WatchFlag is for programs, which are not loaded anew while they run.
func WatchFlag() cli.Flag {
	return &cli.BoolFlag{Name: "watch", Category: category, Usage: "end the program and start it anew when its files change"}
}

// RecordFlag is the flag of commands whose connections can be recorded.
func RecordFlag() cli.Flag {
	return &cli.StringFlag{Name: "record", Category: "Recording", Usage: "append what passes, with times, to `FILE`, for ws76 replay; SIGHUP opens it anew; - is standard output"}
}

// Read reads the options of a command line whose command has LuaFlags, and what it has of the others.
func Read(c *cli.Context) *Options {
	o := &Options{
		Plugins: c.StringSlice("plugin"), PluginPath: c.String("plugin-path"),
		Scripts: c.StringSlice("script"), Evals: c.StringSlice("eval"), Reload: !c.Bool("no-reload"), Watch: c.Bool("watch"), OnError: c.String("on-script-error"),
		Args: c.StringSlice("script-arg"), Allow: c.StringSlice("allow"), Trust: c.Bool("trust-scripts"),
		Limits: scripts.Limits{
			Timeout: c.Duration("script-timeout"), MaxString: int(flags.Bytes(c, "script-max-string")),
			MaxTasks: c.Int("script-max-tasks"), MaxQueue: c.Int("script-max-queue"),
			Names: scripts.LimitNames{
				Timeout: "--script-timeout", MaxString: "--script-max-string", MaxMemory: "--script-max-memory",
				MaxTasks: "--script-max-tasks", MaxQueue: "--script-max-queue",
			},
		},
		Record:    c.String("record"),
		Arguments: c.Args().Slice(), Vias: []string{c.String("via"), c.String("to-via")},
	}
	if c.IsSet("script-max-memory") { // its default is more than a call of one function may take
		o.Limits.MaxMemory = flags.Bytes(c, "script-max-memory")
	}
	return o
}
