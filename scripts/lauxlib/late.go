package lauxlib

import lua "github.com/yuin/gopher-lua"

// Late makes tables that are filled when something first looks into them. It belongs to one state. Lua code sees no
// difference: an index and an assignment fill the table by a metatable, and functions of the library by CheckTable or Fill.
type Late struct {
	metatable *lua.LTable
	fills     map[*lua.LTable]func(*lua.LTable)
}

// lateKey is what the metatable of such tables has its Late under.
const lateKey = "\x00late"

var (
	lateIndex = &lua.LFunction{IsG: true, GFunction: func(L *lua.LState) int {
		t := CheckTable(L, 1)
		L.Push(L.GetTable(t, L.Get(2)))
		return 1
	}}
	lateNewIndex = &lua.LFunction{IsG: true, GFunction: func(L *lua.LState) int {
		L.SetTable(CheckTable(L, 1), L.Get(2), L.Get(3))
		return 0
	}}
)

// NewLate returns the Late of a state.
func NewLate(L *lua.LState) *Late {
	l := &Late{metatable: L.CreateTable(0, 3), fills: map[*lua.LTable]func(*lua.LTable){}}
	l.metatable.RawSetString("__index", lateIndex)
	l.metatable.RawSetString("__newindex", lateNewIndex)
	l.metatable.RawSetString(lateKey, &lua.LUserData{Value: l})
	return l
}

// Table returns a table that fill fills, before which Go code may have put something into it.
func (l *Late) Table(fill func(t *lua.LTable)) *lua.LTable {
	t := &lua.LTable{Metatable: l.metatable}
	l.fills[t] = fill
	return t
}

// Fill fills a table that Late.Table has made, unless it is filled.
func Fill(t *lua.LTable) {
	if t.Metatable == lua.LNil {
		return
	}
	mt, _ := t.Metatable.(*lua.LTable)
	if mt == nil {
		return
	}
	if late, ok := mt.RawGetString(lateKey).(*lua.LUserData); ok {
		l := late.Value.(*Late)
		fill := l.fills[t]
		t.Metatable = lua.LNil
		defer func() {
			if fill != nil { // it was interrupted
				t.Metatable = l.metatable
			}
		}()
		fill(t)
		fill = nil
		delete(l.fills, t)
	}
}

// Functions are functions by name that need nothing of the state they are called in.
type Functions map[string]*lua.LFunction

// Shared makes functions that need nothing of a state: one object of each serves all states.
func Shared(fs map[string]lua.LGFunction) Functions {
	shared := Functions{}
	for name, f := range fs {
		shared[name] = &lua.LFunction{IsG: true, GFunction: f}
	}
	return shared
}

// Set puts the functions into a table.
func (fs Functions) Set(t *lua.LTable) {
	for name, f := range fs {
		t.RawSetString(name, f)
	}
}
