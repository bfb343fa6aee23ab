package plugins

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/internal/textfile"
	"github.com/ws76/ws76/scripts"
	"github.com/ws76/ws76/scripts/luacode"
)

// Plugin is a plugin that was found.
type Plugin struct {
	Manifest
	// Dir is its folder; "" for one that is built in.
	Dir string
	// Record says how it was installed; nil where it was not installed by Install.
	Record *Record

	source []byte // of one that is built in
}

// Builtin reports whether the plugin is part of the program.
func (p *Plugin) Builtin() bool { return p.Dir == "" }

// Where says where the plugin is: its folder, or "built in".
func (p *Plugin) Where() string {
	if p.Builtin() {
		return "built in"
	}
	return p.Dir
}

// Open reads the plugin in a folder, whose name must be the plugin's.
func Open(dir string) (*Plugin, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	source, err := readSource(filepath.Join(dir, MainFile))
	if err != nil {
		return nil, err
	}
	name := filepath.Base(dir)
	m, err := ParseManifest(source, name+"/"+MainFile)
	if err != nil {
		return nil, err
	}
	if m.Name != name {
		return nil, &ManifestError{File: name + "/" + MainFile, Reason: fmt.Sprintf("the plugin is called %q and its folder %q; they must be the same", m.Name, name)}
	}
	record, err := readRecord(dir)
	if err != nil {
		return nil, err
	}
	return &Plugin{Manifest: *m, Dir: dir, Record: record}, nil
}

// readSource reads a file of Lua, of which more than the limit is not read.
func readSource(path string) ([]byte, error) {
	return textfile.Read(path, luacode.MaxSource)
}

// Load makes a script of the plugin. The settings are checked by the types of its options; o is as for scripts.Load, of
// which Name, Fail, Sealed and Library are set here, and Log is told of files that are not as they were installed.
func (p *Plugin) Load(settings map[string]string, o scripts.Options) (*scripts.Script, error) {
	set, err := p.check(settings)
	if err != nil {
		return nil, err
	}
	o.Name, o.Fail, o.Sealed = p.Name, p.Fail, true
	o.Library = set.define
	if p.Builtin() {
		return scripts.Eval(p.Name, string(p.source), o)
	}
	if changed, err := p.Changed(); err != nil {
		return nil, err
	} else if changed != nil && o.Log != nil {
		o.Log(slog.LevelWarn, fmt.Sprintf("plugin %s is not as it was installed: %s", p.Name, strings.Join(changed, ", ")))
	}
	first := true
	o.Library = func(L *lua.LState, _ *lua.LTable) {
		if !first { // after a change the manifest may be another
			now, err := Open(p.Dir)
			if err == nil {
				set, err = now.check(settings)
			}
			if err != nil {
				L.RaiseError("%v", err)
			}
		}
		first = false
		set.define(L, nil)
	}
	return scripts.Load(filepath.Join(p.Dir, MainFile), o)
}

// Defaults returns what sets the global table options to the defaults of the plugin, for Options.Library of a script
// that tests it. Options that are required are nil.
func (p *Plugin) Defaults() (func(L *lua.LState, ws76 *lua.LTable), error) {
	m := Manifest{Name: p.Name}
	for _, o := range p.Options {
		o.Required = false
		m.Options = append(m.Options, o)
	}
	set, err := m.check(nil)
	return set.define, err
}

// Run runs a command of the plugin, as whose script Load was called and which was started, with its arguments. It
// returns when the command has ended: with an *ArgsError where it has refused them.
func Run(ctx context.Context, s *scripts.Script, command string, args []string) error {
	var refused *ArgsError
	err := s.DoFunc(ctx, command, func(L *lua.LState) (*lua.LFunction, []lua.LValue) {
		list := L.CreateTable(len(args), 0)
		for _, arg := range args {
			list.Append(lua.LString(arg))
		}
		return functionIn(tableIn(tableIn(L.GetGlobal("plugin"), "commands"), command), "run"), []lua.LValue{list}
	}, func(results []lua.LValue) {
		if len(results) > 1 && results[0] == lua.LNil && results[1] != lua.LNil {
			refused = &ArgsError{Command: command, Reason: results[1].String()}
		}
	})
	if err == nil && refused != nil {
		return refused
	}
	return err
}

// ArgsError says why a command has refused its arguments.
type ArgsError struct{ Command, Reason string }

func (e *ArgsError) Error() string { return e.Command + ": " + e.Reason }

// Connect asks the function connect of a plugin which URL to dial in place of url.
func Connect(ctx context.Context, s *scripts.Script, url string) (string, error) {
	var to string
	var refused error
	err := s.DoFunc(ctx, "connect", func(L *lua.LState) (*lua.LFunction, []lua.LValue) {
		return functionIn(L.GetGlobal("plugin"), "connect"), []lua.LValue{lua.LString(url)}
	}, func(results []lua.LValue) {
		switch {
		case len(results) > 0 && results[0].Type() == lua.LTString:
			to = lua.LVAsString(results[0])
		case len(results) > 1 && results[1] != lua.LNil:
			refused = errors.New(lua.LVAsString(results[1]))
		default:
			to = url
		}
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return "", fmt.Errorf("plugin %s: %w", s.Name(), err)
	}
	return to, nil
}

// tableIn returns a field of a table, or nil where v is none.
func tableIn(v lua.LValue, name string) lua.LValue {
	if t, ok := v.(*lua.LTable); ok {
		return t.RawGetString(name)
	}
	return lua.LNil
}

func functionIn(v lua.LValue, name string) *lua.LFunction {
	fn, _ := tableIn(v, name).(*lua.LFunction)
	return fn
}

// Changed names the files of an installed plugin that are not as they were
// installed, each with what is wrong with it; nil if all are.
func (p *Plugin) Changed() ([]string, error) {
	if p.Record == nil {
		return nil, nil
	}
	sums, err := sumFolder(p.Dir)
	if err != nil {
		return nil, err
	}
	var changed []string
	for name, sum := range p.Record.Files {
		switch now, ok := sums[name]; {
		case !ok:
			changed = append(changed, name+" is missing")
		case now != sum:
			changed = append(changed, name+" has changed")
		}
	}
	for name := range sums {
		if _, ok := p.Record.Files[name]; !ok {
			changed = append(changed, name+" is new")
		}
	}
	slices.Sort(changed)
	return changed, nil
}

// sumFolder returns the SHA-256 sums of the files in a folder by their path, with
// slashes. Those whose name begins with a dot are left out.
func sumFolder(dir string) (map[string]string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	sums := map[string]string{}
	err = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case hidden(path):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return nil
		case len(sums) >= MaxFiles:
			return fmt.Errorf("%s: there are more than %d files", dir, MaxFiles)
		case !d.Type().IsRegular():
			sums[path] = "no regular file"
			return nil
		}
		f, err := root.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		n, err := io.Copy(h, io.LimitReader(f, MaxSize))
		if n == MaxSize {
			err = fmt.Errorf("%s: %s has %d bytes or more", dir, path, MaxSize)
		}
		sums[path] = sumText(h.Sum(nil))
		return err
	})
	return sums, err
}

func sumText(sum []byte) string { return "sha256:" + hex.EncodeToString(sum) }

// sumOf is the sum of a file's content.
func sumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return sumText(sum[:])
}

// hidden reports whether the last element of a path begins with a dot.
func hidden(path string) bool {
	base := path[strings.LastIndexByte(path, '/')+1:]
	return len(base) > 1 && base[0] == '.' // "." is the folder itself
}
