package scripts

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
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
	L, globals := st.L, st.L.G.Global
	st.late = lauxlib.NewLate(L)
	st.budget.Reset()
	for name, fill := range map[string]func(t *lua.LTable){
		lua.StringLibName: func(t *lua.LTable) { luastring.String(L, &st.budget, t) },
		lua.MathLibName:   func(t *lua.LTable) { luastd.Math(L).ForEach(t.RawSet) },
		lua.TabLibName: func(t *lua.LTable) {
			luastd.Table(L, &st.budget, t)
			luastring.Table(L, &st.budget, t)
		},
		lua.CoroutineLibName: st.fillCoroutine,
	} {
		globals.RawSetString(name, st.late.Table(fill))
	}
	luacode.Install(L, &st.budget)
	luastd.Install(L, &st.budget)
}

// openLibrary makes the table ws76 with the functions that need nothing of the
// host, and the globals that reach the system.
func (st *state) openLibrary() {
	L, s := st.L, st.script
	st.permit = s.permissions()
	options := &lualib.Options{Budget: &st.budget, Permissions: st.permit, Folders: s.folders(), Data: s.o.Data, Written: &s.written, Now: s.o.Clock.Now, KV: s.o.KV, Env: s.o.Env, Environ: s.o.Environ, Programs: &st.programs, Stdout: s.o.Stdout, Stderr: s.o.Stderr}
	st.files = options
	st.module = st.late.Table(func(t *lua.LTable) {
		made := lualib.Open(L, options)
		made.RawSetString("exec", st.waiting(execWith(options)))
		made.RawSetString("http", st.waiting(httpWith(options)))
		made.RawGetString("kv").(*lua.LTable).RawSetString("sync", st.waiting(syncWith(options)))
		if s.o.Data != "" {
			made.RawSetString("data_dir", lua.LString(s.o.Data))
		}
		st.fillModule(made)
		made.ForEach(func(k, v lua.LValue) {
			if t.RawGet(k) == lua.LNil { // Options.Library may have put another there
				t.RawSet(k, v)
			}
		})
	})
	for _, name := range lualib.Systems {
		L.G.Global.RawSetString(name, st.late.Table(func(t *lua.LTable) { lualib.System(L, options, name, t) }))
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
		main := s.path
		if s.o.Sealed {
			main = ""
		}
		p = p.With(permit.Own(s.dir, main)...)
	}
	if s.o.Data != "" {
		p = p.With(permit.Data(s.o.Data)...)
	}
	return p
}

// folders are where a relative path is looked up: the working folder, that of the script, and that of its data.
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

// syncWith is ws76.kv:sync().
func syncWith(o *lualib.Options) lua.LGFunction {
	return func(L *lua.LState) int {
		st := stateOf(L)
		store := lualib.StoreToSync(L, o)
		return st.async(L, "ws76.kv.sync", 0, func(context.Context) (func() []lua.LValue, func()) {
			err := store.Sync()
			return func() []lua.LValue {
				if err != nil {
					return failure(fmt.Errorf("kv.sync: %w", err))
				}
				return []lua.LValue{lua.LTrue}
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
