package scripts

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/luacode"
	"github.com/ws76/ws76/scripts/lualib"
	"github.com/ws76/ws76/scripts/luastd"
	"github.com/ws76/ws76/scripts/luastring"
	"github.com/ws76/ws76/scripts/permit"
)

// A state is made anew for every reload, and most scripts use little of the
// library. So parts of it are filled in when something in them is first used.

// openStandard opens Lua's own library, with the functions that keep to a budget.
func (st *state) openStandard() {
	L := st.L
	for _, lib := range []struct {
		name string
		open lua.LGFunction
	}{
		{lua.BaseLibName, lua.OpenBase}, {lua.CoroutineLibName, lua.OpenCoroutine},
	} {
		openWith(L, lib.name, lib.open)
	}
	globals := L.G.Global
	globals.RawSetString(lua.StringLibName, L.CreateTable(0, 20))
	luastring.Install(L, &st.budget)
	luacode.Install(L, &st.budget)
	luastd.Install(L, &st.budget)
	for _, name := range []string{"module", "newproxy", "_printregs"} {
		globals.RawSetString(name, lua.LNil)
	}
	math := st.lazy(func(t *lua.LTable) {
		luastd.Math(L).ForEach(t.RawSet)
	})
	globals.RawSetString(lua.MathLibName, math)
	globals.RawSetString(lua.TabLibName, st.lazy(func(t *lua.LTable) {
		luastd.Table(L, &st.budget, t)
		luastring.Table(L, &st.budget, t)
	}))
}

func openWith(L *lua.LState, name string, open lua.LGFunction) {
	L.Push(L.NewFunction(open))
	L.Push(lua.LString(name))
	L.Call(1, 0)
}

// lazy returns a table that fill fills when a field of it is first missed.
func (st *state) lazy(fill func(t *lua.LTable)) *lua.LTable {
	L := st.L
	t, mt := L.CreateTable(0, 0), L.CreateTable(0, 1)
	mt.RawSetString("__index", L.NewFunction(func(l *lua.LState) int {
		if t.Metatable == lua.LValue(mt) {
			t.Metatable = lua.LNil
			fill(t)
		}
		l.Push(l.GetField(t, l.Get(2).String()))
		return 1
	}))
	t.Metatable = mt
	return t
}

// openLibrary makes the table ws76 with the functions that need nothing of the
// host, and the globals that reach the system.
func (st *state) openLibrary() {
	L, s := st.L, st.script
	st.permit = s.permissions()
	options := &lualib.Options{Budget: &st.budget, Permissions: st.permit, Folders: s.folders(), KV: s.o.KV, Env: s.o.Env, Environ: s.o.Environ}
	st.files = options
	st.module = st.lazy(func(t *lua.LTable) {
		lualib.Open(L, options).ForEach(func(k, v lua.LValue) {
			if t.RawGet(k) == lua.LNil {
				t.RawSet(k, v)
			}
		})
	})
	st.module.RawSetString("exec", st.waiting(execWith(options)))
	st.module.RawSetString("http", st.waiting(httpWith(options)))
	if s.o.Data != "" {
		st.module.RawSetString("data_dir", lua.LString(s.o.Data))
	}
	for _, name := range lualib.Systems {
		L.G.Global.RawSetString(name, st.lazy(func(t *lua.LTable) { lualib.System(L, options, name, t) }))
	}
	lualib.Loaders(L, options)
}

// permissions are those of a state that is about to be made.
func (s *Script) permissions() *permit.Permissions {
	p := (&permit.Permissions{}).With(permit.KeepStore())
	if s.o.Permissions != nil {
		p = s.o.Permissions().With(permit.KeepStore())
	}
	if s.path != "" {
		p = p.With(permit.Own(s.dir)...)
	}
	if s.o.Data != "" {
		p = p.With(permit.Data(s.o.Data)...)
	}
	return p
}

// folders are where a relative path is looked up: the working folder, that of the
// script, and that of its data.
func (s *Script) folders() []string {
	folders := []string{"."}
	if s.path != "" {
		folders = append(folders, s.dir)
	}
	if s.o.Data != "" {
		folders = append(folders, s.o.Data)
	}
	for i, folder := range folders {
		if absolute, err := filepath.Abs(folder); err == nil {
			folders[i] = absolute
		}
	}
	return slices.Compact(folders)
}

// OpenFile opens a file to be read, as ws76.read_file does: it must be allowed. It is for Options.Library.
func OpenFile(L *lua.LState, path string) (*os.File, error) {
	return stateOf(L).files.OpenFile(path, os.O_RDONLY)
}

// execWith is ws76.exec(command, {stdin=, timeout=}).
func execWith(o *lualib.Options) lua.LGFunction {
	return func(L *lua.LState) int {
		st := stateOf(L)
		e := lualib.ParseExec(L, 1, o)
		return st.async(L, "ws76.exec", 0, func(ctx context.Context) (func() []lua.LValue, func()) {
			r, err := e.Run(ctx)
			return func() []lua.LValue {
				if err != nil {
					return failure(err)
				}
				return st.pushed(r.Push)
			}, nil
		})
	}
}

// httpWith is ws76.http(request).
func httpWith(o *lualib.Options) lua.LGFunction {
	return func(L *lua.LState) int {
		st := stateOf(L)
		h := lualib.ParseHTTP(L, 1, o)
		return st.async(L, "ws76.http", 0, func(ctx context.Context) (func() []lua.LValue, func()) {
			r, err := h.Do(ctx)
			return func() []lua.LValue {
				if err != nil {
					return failure(err)
				}
				return st.pushed(r.Push)
			}, nil
		})
	}
}
