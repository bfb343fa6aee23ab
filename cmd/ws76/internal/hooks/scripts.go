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

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/scripts"
	"github.com/ws76/ws76/scripts/kv"
	"github.com/ws76/ws76/scripts/permit"
)

// ForScript are the options that all commands have in common. name is what the script's store is found by.
func (o *Options) ForScript(e *app.Env, name string) (scripts.Options, error) {
	e.RareGC()
	to := scripts.Options{
		Limits:  o.Limits,
		Modules: PluginFinder(e, o.PluginPath).Path,
		KV:      func() (*kv.Store, error) { return openStore(e, name) },
		Env:     func(name string) (string, bool) { v := e.Getenv(name); return v, v != "" },
		Stdout:  e.Stdout, Stderr: e.Stderr,
		Environ: func() (all, given []string) { return os.Environ(), e.ChildEnviron() },
		Log:     func(level slog.Level, text string) { e.Log.Logf(level, "%s", app.Lines(text)) },
		Print:   func(text string) { e.Log.Warnf("%s", app.Lines(text)) },
	}
	for _, arg := range o.Args {
		if key, value, ok := strings.Cut(arg, "="); ok {
			if to.Args.Named == nil {
				to.Args.Named = map[string]string{}
			}
			to.Args.Named[key] = value
		} else {
			to.Args.List = append(to.Args.List, arg)
		}
	}
	allow, err := o.Permissions()
	if err != nil {
		return to, err
	}
	allow = allow.With(o.NamedGrants(to.Args)...)
	to.Permissions = func() *permit.Permissions { return allow }
	if to.Data, err = dataDir(e, name); err != nil {
		return to, err
	}
	return to, nil
}

// openStore opens the store of ws76.kv for a script.
func openStore(e *app.Env, name string) (*kv.Store, error) {
	state, err := e.StateDir()
	if err != nil {
		return nil, fmt.Errorf("finding a place for ws76.kv: %w", err)
	}
	dir := filepath.Join(state, "kv")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making a place for ws76.kv: %w", err)
	}
	path, err := ownPlace(dir, name)
	if err != nil {
		return nil, err
	}
	return kv.Open(path)
}

// dataDir is the folder of a script's own, under $XDG_DATA_HOME.
func dataDir(e *app.Env, name string) (string, error) {
	plugins, err := e.PluginHome()
	if err != nil {
		return "", err
	}
	return ownPlace(filepath.Join(filepath.Dir(plugins), "scripts"), name)
}

// ofEval begins the names by which the store and the folder of --eval are found, which are no path of a script.
const ofEval = "\x00"

// ownPlace is where in a folder is what belongs to a script alone. That is known by its absolute path, or to --eval by the working folder
// and which one it is. What there is under a name of before, which had few bits of the sum, is taken over.
func ownPlace(folder, name string) (string, error) {
	shown, eval := strings.CutPrefix(name, ofEval)
	path, err := filepath.Abs(shown)
	if err != nil {
		return "", err
	}
	const longest = 100 // no name of a file may have more than 255 bytes
	base := strings.TrimSuffix(filepath.Base(path), ".lua")
	before := sha256.Sum256([]byte(path))
	old := filepath.Join(folder, base+"-"+hex.EncodeToString(before[:4]))
	if eval {
		path = ofEval + path
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

// TraceFrames lets on_frame see the frames of a connection. session returns nil until the connection has one.
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
