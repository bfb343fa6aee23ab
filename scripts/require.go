package scripts

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/internal/textfile"
	"github.com/ws76/ws76/scripts/lauxlib"
	"github.com/ws76/ws76/scripts/luacode"
)

// loaded is a file of a script as it was compiled, or was to be.
type loaded struct {
	source []byte // with its byte order mark; nil if it could not be read
	proto  *lua.FunctionProto
	err    error
	sets   bool // a function in it may set a hook
}

// setsHooks reports whether the functions in a main chunk may set a hook: they name one, or something in it names a way to
// globals that are not named.
func setsHooks(main *lua.FunctionProto) bool {
	return names(main, "_G", "getfenv", "setfenv", "load", "loadstring", "loadfile", "dofile") ||
		slices.ContainsFunc(main.FunctionPrototypes, func(f *lua.FunctionProto) bool { return names(f, Events...) })
}

// names reports whether the code of a function, or of one in it, has one of some names.
func names(f *lua.FunctionProto, of ...string) bool {
	return slices.ContainsFunc(f.Constants, func(v lua.LValue) bool {
		name, ok := v.(lua.LString)
		return ok && slices.Contains(of, string(name))
	}) || slices.ContainsFunc(f.FunctionPrototypes, func(f *lua.FunctionProto) bool { return names(f, of...) })
}

// compileFile compiles a file, unless it is as it was the last time. The caller has
// the lock, or is the only one who knows the script.
func (s *Script) compileFile(path string) (*lua.FunctionProto, error) {
	known := s.protos[path]
	source, err := readSource(path, known != nil)
	if err == nil && known != nil && known.source != nil && bytes.Equal(known.source, source) {
		return known.proto, known.err
	}
	now := &loaded{source: source, err: err}
	if now.err == nil {
		if now.proto, now.err = s.compile(path, source, known != nil); now.err == nil {
			now.sets = setsHooks(now.proto)
		}
	}
	s.protos[path] = now
	return now.proto, now.err
}

// readSource reads a file as it is. again says that it was read before: a pipe, as of <(COMMAND), can be read once, and
// reading it then could wait for ever.
func readSource(path string, again bool) ([]byte, error) {
	info, err := os.Stat(path)
	var why error
	switch {
	case err != nil:
	case info.IsDir():
		why = errors.New("it is a folder")
	case again && !info.Mode().IsRegular():
		why = errors.New("it is no regular file, and so cannot be read again")
	case info.Size() > luacode.MaxSource:
		why = fmt.Errorf("it has %d bytes; the limit is %d", info.Size(), luacode.MaxSource)
	}
	if why != nil {
		return nil, &fs.PathError{Op: "reading", Path: path, Err: why}
	}
	var source []byte
	if err == nil {
		source, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return source, nil
}

// compile compiles the source of a file; known says that there was a version before.
func (s *Script) compile(path string, source []byte, known bool) (*lua.FunctionProto, error) {
	text, err := textfile.Decode(source)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	// Who writes a file in place empties it first. As a version that would be one
	// without hooks, which lets everything pass.
	if known && len(bytes.TrimSpace(text)) == 0 {
		return nil, fmt.Errorf("%s is empty now; it may be about to be written", path)
	}
	name := filepath.Base(path)
	if s.o.Name != "" {
		name = s.o.Name + "/" + name
	}
	return luacode.Compile(text, name)
}

// changed reports whether a file of the script is not as it was when it was loaded.
func (s *Script) changed(path string) bool {
	known := s.protos[path]
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return false // a pipe that has come to its place would be waited for
	}
	source, err := os.ReadFile(path)
	return err == nil && (known == nil || !bytes.Equal(known.source, source))
}

// openRequire sets require, which looks beside the script, in Options.Modules, and nowhere else.
func (st *state) openRequire() {
	L := st.L
	L.G.Global.RawSetString("require", L.NewFunction(st.require))
	pkg := L.CreateTable(0, 1)
	pkg.RawSetString("preload", L.CreateTable(0, 0))
	L.G.Global.RawSetString(lua.LoadLibName, pkg)
}

// loading is the value of a module whose code runs.
var loading = &lua.LUserData{}

// require is require(name): NAME.lua or NAME/init.lua beside the script or in one of
// Options.Modules, with dots for slashes.
func (st *state) require(L *lua.LState) int {
	name := L.CheckString(1)
	v, known := st.modules[name]
	switch {
	case v == lua.LValue(loading):
		raise(L, "module %q requires itself", name)
	case !known && name == "ws76":
		v, known = st.module, true
	case !known:
		if lib, ok := L.G.Global.RawGetString(name).(*lua.LTable); ok && standard[name] {
			v, known = lib, true
		}
	}
	if !known {
		fn := st.findModule(L, name)
		if s := st.script; s.reloads.files != nil {
			s.watchFiles()
		}
		st.modules[name] = loading
		L.Push(fn)
		L.Push(lua.LString(name))
		// Where this fails the module can be required again, as in Lua 5.1.
		if err := lauxlib.PCall(L, 1, 1); err != nil {
			delete(st.modules, name)
			if api, ok := err.(*lua.ApiError); ok {
				L.Error(api.Object, 0)
			}
			raise(L, "%v", err)
		}
		if v = L.Get(-1); v == lua.LNil {
			v = lua.LTrue
		}
		L.Pop(1)
		st.modules[name] = v
	}
	L.Push(v)
	return 1
}

// standard are the modules that are there without a file.
var standard = map[string]bool{"string": true, "table": true, "math": true, "coroutine": true, "os": true, "io": true, "debug": true}

// findModule returns the function of a module's code.
func (st *state) findModule(L *lua.LState, name string) lua.LValue {
	s := st.script
	pkg, _ := L.G.Global.RawGetString(lua.LoadLibName).(*lua.LTable)
	if pkg != nil {
		if preload, ok := pkg.RawGetString("preload").(*lua.LTable); ok {
			if fn, ok := preload.RawGetString(name).(*lua.LFunction); ok {
				return fn
			}
		}
	}
	dir := s.dir
	if dir == "" {
		dir = "."
	}
	const longest, most = 200, 1000
	if len(name) > longest || len(s.files) > most {
		raise(L, "require: the name of the module has %d bytes, and %d files were looked for; the limits are %d and %d", len(name), len(s.files), longest, most)
	}
	relative := filepath.FromSlash(strings.ReplaceAll(name, ".", "/"))
	if !filepath.IsLocal(relative) {
		raise(L, "%q is no name of a module beside the script", name)
	}
	for _, dir := range append([]string{dir}, s.o.Modules...) {
		for _, path := range []string{filepath.Join(dir, relative+".lua"), filepath.Join(dir, relative, "init.lua")} {
			s.files[path] = true // watched even where there is none yet
			if _, err := os.Stat(path); err != nil {
				continue
			}
			proto, err := s.compileFile(path)
			if err == nil {
				err = st.permit.Code(path, s.protos[path].source)
			}
			if err != nil {
				raise(L, "module %q: %v", name, err)
			}
			st.setsHooks = st.setsHooks || s.protos[path].sets
			return L.NewFunctionFromProto(proto)
		}
	}
	raise(L, "there is no module %q: no %s.lua in %s", name, filepath.ToSlash(relative), dir)
	return nil
}
