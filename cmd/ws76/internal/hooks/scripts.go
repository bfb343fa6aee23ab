package hooks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/scripts"
	"github.com/ws76/ws76/scripts/kv"
	"github.com/ws76/ws76/scripts/permit"
)

const ScriptCategory = "Scripts"

// Flags are the flags of commands whose messages go through scripts.
func Flags() []cli.Flag {
	return append(append(PluginFlags(), []cli.Flag{
		&cli.StringSliceFlag{Name: "script", Category: ScriptCategory, Usage: "run messages through the Lua script `FILE`; repeatable, first to last"},
		&cli.StringSliceFlag{Name: "eval", Category: ScriptCategory, Usage: "run them through `LUA`, behind the scripts; repeatable"},
		&cli.BoolFlag{Name: "no-reload", Category: ScriptCategory, Usage: "do not load scripts anew when they change"},
		flags.Word(cli.GenericFlag{Name: "on-script-error", Category: ScriptCategory, Usage: "`WHAT` to do with a message whose hook failed: %s"}, "pass", "pass", "drop", "close the connection,", "exit"),
	}...), LuaFlags()...)
}

// LuaFlags are those of all commands that run Lua.
func LuaFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "script-arg", Category: ScriptCategory, Usage: "put `NAME=VALUE`, or a value, into the table args; repeatable"},
		allowFlag(ScriptCategory, "let scripts do `WHAT`: exec, net, listen, read, write, env, serial or unix, of one of them as in net=HOST:PORT, read=FOLDER; repeatable"),
		&cli.BoolFlag{Name: "trust-scripts", Category: ScriptCategory, Usage: "let scripts do all of that, and plugins what they state"},
		flags.Time(cli.GenericFlag{Name: "script-timeout", Category: ScriptCategory, Usage: "stop a call of a script after `TIME`"}, scripts.DefaultTimeout),
		flags.Size(cli.GenericFlag{Name: "script-max-string", Category: ScriptCategory, Usage: "largest string that a script may make, `SIZE`"}, scripts.DefaultMaxString),
		flags.Size(cli.GenericFlag{Name: "script-max-memory", Category: ScriptCategory, Usage: "most memory that a script may keep, or that a call may take, `SIZE`"}, scripts.DefaultMaxMemory),
		&cli.IntFlag{Name: "script-max-tasks", Category: ScriptCategory, Value: scripts.DefaultMaxTasks, Usage: "at most `N` tasks of a script at a time"},
		&cli.IntFlag{Name: "script-max-queue", Category: ScriptCategory, Value: scripts.DefaultMaxQueue, Usage: "at most `N` messages of a script waiting for a connection"},
	}
}

// ScriptOptions are the options that all commands have in common. name is what the
// script's store is found by.
func ScriptOptions(e *app.Env, c *cli.Context, name string) (scripts.Options, error) {
	e.RareGC()
	o := scripts.Options{
		Limits: scripts.Limits{
			Timeout: c.Duration("script-timeout"), MaxString: int(flags.Bytes(c, "script-max-string")),
			MaxTasks: c.Int("script-max-tasks"), MaxQueue: c.Int("script-max-queue"),
			Names: scripts.LimitNames{
				Timeout: "--script-timeout", MaxString: "--script-max-string", MaxMemory: "--script-max-memory",
				MaxTasks: "--script-max-tasks", MaxQueue: "--script-max-queue",
			},
		},
		Modules: PluginFinder(e, c.String("plugin-path")).Path,
		KV:      func() (*kv.Store, error) { return openStore(e, name) },
		Env:     func(name string) (string, bool) { v := e.Getenv(name); return v, v != "" },
		Stdout:  e.Stdout, Stderr: e.Stderr,
		Environ: func() (all, given []string) { return os.Environ(), e.ChildEnviron() },
		Log:     func(level slog.Level, text string) { logScript(e, level, text) },
		Print:   func(text string) { e.Log.Warnf("%s", app.Lines(text)) },
	}
	if c.IsSet("script-max-memory") { // its default is more than a call of one function may take
		o.Limits.MaxMemory = flags.Bytes(c, "script-max-memory")
	}
	for _, arg := range c.StringSlice("script-arg") {
		if key, value, ok := strings.Cut(arg, "="); ok {
			if o.Args.Named == nil {
				o.Args.Named = map[string]string{}
			}
			o.Args.Named[key] = value
		} else {
			o.Args.List = append(o.Args.List, arg)
		}
	}
	allow, err := Permissions(c)
	if err != nil {
		return o, err
	}
	allow = allow.With(NamedGrants(c, o.Args)...)
	o.Permissions = func() *permit.Permissions { return allow }
	if o.Data, err = dataDir(e, name); err != nil {
		return o, err
	}
	return o, nil
}

// logScript shows what a script logs, and its errors, at the level it says.
func logScript(e *app.Env, level slog.Level, text string) {
	switch {
	case level >= slog.LevelError:
		e.Log.Errorf("%s", app.Lines(text))
	case level >= slog.LevelWarn:
		e.Log.Warnf("%s", app.Lines(text))
	case level >= slog.LevelInfo:
		e.Log.Infof("%s", app.Lines(text))
	default:
		e.Log.Debugf("%s", app.Lines(text))
	}
}

// StateDir is the folder of what is kept from one run to the next, under
// $XDG_STATE_HOME.
func StateDir(e *app.Env) (string, error) {
	state := e.Getenv("XDG_STATE_HOME")
	if state == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "ws76"), nil
}

// openStore opens the store of ws76.kv for a script.
func openStore(e *app.Env, name string) (*kv.Store, error) {
	state, err := StateDir(e)
	if err != nil {
		return nil, fmt.Errorf("finding a place for ws76.kv: %w", err)
	}
	dir := filepath.Join(state, "kv")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making a place for ws76.kv: %w", err)
	}
	path, err := OwnPlace(dir, name)
	if err != nil {
		return nil, err
	}
	return kv.Open(path)
}

// dataDir is the folder of a script's own, under $XDG_DATA_HOME.
func dataDir(e *app.Env, name string) (string, error) {
	plugins, err := PluginHome(e)
	if err != nil {
		return "", err
	}
	return OwnPlace(filepath.Join(filepath.Dir(plugins), "scripts"), name)
}

// OfEval begins the names by which the store and the folder of --eval are found, which are no path of a script.
const OfEval = "\x00"

// OwnPlace is where in a folder is what belongs to a script alone. That is known by its absolute path, or to --eval by the working folder
// and which one it is. What there is under a name of before, which had few bits of the sum, is taken over.
func OwnPlace(folder, name string) (string, error) {
	shown, eval := strings.CutPrefix(name, OfEval)
	path, err := filepath.Abs(shown)
	if err != nil {
		return "", err
	}
	const longest = 100 // no name of a file may have more than 255 bytes
	base := strings.TrimSuffix(filepath.Base(path), ".lua")
	before := sha256.Sum256([]byte(path))
	old := filepath.Join(folder, base+"-"+hex.EncodeToString(before[:4]))
	if eval {
		path = OfEval + path
	}
	sum := sha256.Sum256([]byte(path))
	place := filepath.Join(folder, strings.ToValidUTF8(base[:min(len(base), longest)], "")+"-"+hex.EncodeToString(sum[:]))
	if _, err := os.Lstat(place); errors.Is(err, fs.ErrNotExist) {
		if err := os.Rename(old, place); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENAMETOOLONG) {
			return "", err
		}
	}
	return place, nil
}

// ExitCause is the cause of a context that a script has ended: by ws76.exit, or by
// an error under --on-script-error exit.
func ExitCause(err error) error {
	var exit *scripts.ExitError
	if errors.As(err, &exit) {
		return app.SilentError(exit.Code)
	}
	return app.WithCode(app.ExitScript, err)
}

// Stop stops scripts, within reason.
func Stop(set scripts.Set, timeout time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), max(timeout, time.Second))
	defer cancel()
	set.Stop(ctx, "done")
}

// TraceFrames lets on_frame see the frames of a connection. session returns nil
// until the connection has one.
func TraceFrames(trace *core.Trace, session func() *scripts.Session, side relay.Side) *core.Trace {
	var t core.Trace
	if trace != nil {
		t = *trace
	}
	before := t.Frame
	t.Frame = func(sent bool, typ byte, payload []byte) {
		if before != nil {
			before(sent, typ, payload)
		}
		if s := session(); s != nil {
			s.Frame(side, sent, typ, payload)
		}
	}
	return &t
}
