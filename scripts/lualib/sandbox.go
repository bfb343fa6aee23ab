package lualib

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/internal/textfile"
	"github.com/ws76/ws76/scripts/lauxlib"
	"github.com/ws76/ws76/scripts/luacode"
	"github.com/ws76/ws76/scripts/luastd"
	"github.com/ws76/ws76/scripts/permit"
)

// Systems are the libraries of Lua that reach the system, or the interpreter.
var Systems = []string{lua.OsLibName, lua.IoLibName, lua.DebugLibName}

var openers = map[string]lua.LGFunction{lua.OsLibName: lua.OpenOs, lua.IoLibName: lua.OpenIo, lua.DebugLibName: lua.OpenDebug}

// System fills t with one of the Systems. Each function whose effect has to be allowed asks for it first, and returns nil, a
// message and permit.Name where it is not. A function that is not listed here is refused.
func System(L *lua.LState, o *Options, name string, t *lua.LTable) {
	// The interpreter fills the table that has the name.
	globals := L.G.Global
	before := globals.RawGetString(name)
	globals.RawSetString(name, t)
	if loaded, ok := L.GetField(L.Get(lua.RegistryIndex), "_LOADED").(*lua.LTable); ok {
		loaded.RawSetString(name, lua.LNil)
	}
	L.Push(L.NewFunction(openers[name]))
	L.Push(lua.LString(name))
	L.Call(1, 0)
	globals.RawSetString(name, before)
	switch name {
	case lua.OsLibName:
		luastd.Time(L, o.Budget, o.Now, t)
	case lua.DebugLibName:
		luastd.Debug(t)
	}

	if o.Programs == nil {
		o.Programs = new(Programs)
	}
	l := &library{Options: o}
	t.ForEach(func(k, v lua.LValue) {
		key := k.String()
		of := name + "." + key
		fn, ok := v.(*lua.LFunction)
		switch {
		case !ok: // io.stdout and the like
			if o.Permissions.Ask(permit.Effect{Kind: permit.Stdio, Target: of}) != nil {
				t.RawSetString(key, lua.LNil)
			}
		case free[of]:
		default:
			ask := asks[of]
			if ask == nil {
				ask = unknown(of)
			}
			t.RawSetString(key, L.NewFunction(func(L *lua.LState) int {
				err := ask(l, L)
				if f := l.opened; f != nil {
					l.opened = nil
					defer f.Close()
				}
				switch {
				case err != nil && of == "io.lines": // nobody could call what else it returned
					lauxlib.Errorf(L, "%s: %v", of, err)
				case err != nil:
					return failFile(L, of, err)
				}
				L.Insert(fn, 1)
				L.Call(L.GetTop()-1, lua.MultRet)
				if file, ok := L.Get(1).(*lua.LUserData); ok && l.charged != nil {
					file.Env = l.charged.handles
				}
				l.charged = nil
				return L.GetTop()
			}))
		}
	})
	if name == lua.IoLibName {
		t.RawSetString("popen", L.NewFunction(l.popen))
		l.closeWaits(L, t)
		l.countWrites(L)
	}
	if name == lua.OsLibName {
		t.RawSetString("exit", L.NewFunction(func(L *lua.LState) int {
			L.RaiseError("os.exit would end ws76 without closing anything; use ws76.exit")
			return 0
		}))
		t.RawSetString("execute", L.NewFunction(l.execute))
		t.RawSetString("getenv", L.NewFunction(l.env))
		t.RawSetString("remove", L.NewFunction(l.remove))
		t.RawSetString("rename", L.NewFunction(l.rename))
	}
}

// Loaders sets loadfile and dofile, with the guards of luacode.
func Loaders(L *lua.LState, o *Options) {
	l := &library{Options: o}
	L.SetGlobal("loadfile", L.NewFunction(l.loadFile))
	L.SetGlobal("dofile", L.NewFunction(func(L *lua.LState) int {
		L.SetTop(1)
		switch n := l.loadFile(L); {
		case n == 3:
			return n // refused
		case n > 1:
			L.RaiseError("%s", L.Get(-1))
		}
		L.Call(0, lua.MultRet)
		return L.GetTop() - 1
	}))
}

// free are the functions that have no effect outside, or none but on a file that is open already.
var free = map[string]bool{
	"os.remove": true, "os.rename": true, "os.execute": true, "io.popen": true, // see System
	"os.time": true, "os.date": true, "os.clock": true, "os.difftime": true, "os.setlocale": true, "io.type": true, "debug.traceback": true,
}

// asks are what has to be allowed for the others.
var asks = map[string]func(l *library, L *lua.LState) error{
	"os.tmpname": askTemp,
	"io.tmpfile": askTemp,
	"io.open":    func(l *library, L *lua.LState) error { return l.askMode(L, L.OptString(2, "r")) },
	"io.lines": func(l *library, L *lua.LState) error {
		if L.Get(1) == lua.LNil {
			return askStream("io.lines")(l, L)
		}
		return l.askMode(L, "r")
	},
	"io.input":  askStream("io.input"),
	"io.output": askStream("io.output"),
	"io.read":   askStream("io.read"),
	"io.write":  askStream("io.write"),
	"io.flush":  askStream("io.flush"),
	"io.close": func(l *library, L *lua.LState) error {
		if L.GetTop() > 0 {
			return nil
		}
		return askStream("io.close")(l, L)
	},
}

// unknown is what is asked for a function that is not among those above.
func unknown(name string) func(*library, *lua.LState) error {
	return func(l *library, L *lua.LState) error {
		return l.Permissions.Ask(permit.Effect{Kind: permit.Debug, Target: name})
	}
}

func askTemp(l *library, L *lua.LState) error {
	return l.Permissions.Ask(permit.Effect{Kind: permit.Write, Target: os.TempDir()})
}

// askStream is asked for what uses the standard input or output where nothing else was set; io.input and io.output may set
// a file.
func askStream(name string) func(*library, *lua.LState) error {
	return func(l *library, L *lua.LState) error {
		if err := l.Permissions.Ask(permit.Effect{Kind: permit.Stdio, Target: name}); err != nil {
			return err
		}
		if _, path := L.Get(1).(lua.LString); path && name == "io.input" {
			return l.askMode(L, "r")
		} else if path && name == "io.output" {
			return l.askMode(L, "w")
		}
		return nil
	}
}

// modes are those of io.open, without the b that changes nothing.
var modes = map[string]int{
	"r": os.O_RDONLY, "w": os.O_WRONLY | os.O_CREATE, "a": os.O_WRONLY | os.O_CREATE,
	"r+": os.O_RDWR, "w+": os.O_RDWR | os.O_CREATE, "a+": os.O_RDWR | os.O_CREATE,
}

// askMode asks for the path in argument 1 by the mode of io.open. Unless everything is allowed what is opened must be no pipe
// or device, which could be waited for without end. It is opened here, where no link leads out, and the interpreter, which opens
// by name, is given that.
func (l *library) askMode(L *lua.LState, mode string) error {
	flags, ok := modes[strings.Replace(mode, "b", "", 1)]
	if !ok {
		return fmt.Errorf("%s: Invalid argument: the mode is %q", L.CheckString(1), mode)
	}
	return l.at(L.CheckString(1), flags != os.O_RDONLY, func(path string) error {
		if l.Permissions.AllowsAll() {
			if _, err := os.Stat(path); err != nil && flags&os.O_CREATE == 0 {
				return err
			}
			L.Replace(1, lua.LString(path))
			return nil
		}
		change := flags
		if strings.HasPrefix(mode, "w") { // which the interpreter empties
			change |= os.O_TRUNC
		}
		l.charged = nil
		if flags != os.O_RDONLY {
			if err := l.charge(path, change, 0); err != nil {
				return err
			}
			l.charged = l.quotaOf(path)
		}
		f, err := l.Permissions.OpenFile(path, flags|nonBlocking)
		if err != nil {
			return err
		}
		info, err := f.Stat()
		if err == nil && !info.Mode().IsRegular() {
			err = fmt.Errorf("%s is no regular file", path)
		}
		if err != nil {
			f.Close()
			return err
		}
		l.opened = f
		L.Replace(1, lua.LString(openedPath(f, info)))
		return nil
	})
}

// openedPath is a path that leads to an open file whatever becomes of its name; its name where there is no such path.
func openedPath(f *os.File, info fs.FileInfo) string {
	path := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	if same, err := os.Stat(path); err == nil && os.SameFile(info, same) {
		return path
	}
	return f.Name()
}

// remove is os.remove.
func (l *library) remove(L *lua.LState) int {
	if err := l.at(L.CheckString(1), true, func(path string) error {
		return l.chargeMove(path, "", func() error { return l.Permissions.Remove(path) })
	}); err != nil {
		return failFile(L, "os.remove", err)
	}
	L.Push(lua.LTrue)
	return 1
}

// rename is os.rename.
func (l *library) rename(L *lua.LState) int {
	to := L.CheckString(2)
	err := l.at(L.CheckString(1), true, func(from string) error {
		return l.at(to, true, func(to string) error {
			return l.chargeMove(from, to, func() error { return l.Permissions.Rename(from, to) })
		})
	})
	if err != nil {
		return failFile(L, "os.rename", err)
	}
	L.Push(lua.LTrue)
	return 1
}

// loadFile is loadfile.
func (l *library) loadFile(L *lua.LState) int {
	path := L.CheckString(1)
	f, err := l.OpenFile(path, os.O_RDONLY|nonBlocking)
	if err != nil {
		return failFile(L, "loadfile", err)
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, luacode.MaxSource+1))
	if err == nil {
		err = l.Permissions.Code(f.Name(), src)
	}
	if err == nil {
		if src, err = textfile.Decode(src); err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
	}
	if err != nil {
		return fail(L, "%v", err)
	}
	return luacode.PushFile(L, src, path)
}
