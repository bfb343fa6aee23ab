package scripts

import (
	"log/slog"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
)

// carrier copies plain data from one state to another. What belongs to the code of
// the old state, such as a function, stays behind.
type carrier struct {
	from, to *state
	seen     map[*lua.LTable]*lua.LTable
	left     int // values that stayed behind
	depth    int
}

// maxCarryDepth bounds how deep tables may be nested that are carried over.
const maxCarryDepth = 1000

// carryFrom gives a new state what the old one has in ws76.state. The caller has the lock.
func (st *state) carryFrom(old *state) {
	k := &carrier{from: old, to: st, seen: map[*lua.LTable]*lua.LTable{}}
	if t, ok := old.module.RawGetString("state").(*lua.LTable); ok { // otherwise it was never looked at
		lauxlib.Fill(st.module) // null is there before values are
		st.module.RawSetString("state", k.table(t))
	}
	k.tell()
}

// carryConns gives each connection's data the form that the new state has it in.
func (st *state) carryConns(old *state) {
	k := &carrier{from: old, to: st, seen: map[*lua.LTable]*lua.LTable{}}
	for _, c := range st.script.conns {
		if c.data != nil {
			c.data = k.table(c.data)
		}
	}
	k.tell()
}

func (k *carrier) tell() {
	if k.left > 0 {
		s := k.from.script
		s.o.log(slog.LevelWarn, "%s: %d values in ws76.state or conn.data are no plain data and were not kept over the reload", s.name, k.left)
	}
}

// value copies a value; nil stands for one that cannot be carried over.
func (k *carrier) value(v lua.LValue) lua.LValue {
	switch v := v.(type) {
	case *lua.LTable:
		if k.depth > maxCarryDepth {
			break
		}
		return k.table(v)
	case lua.LString, lua.LNumber, lua.LBool, *lua.LNilType:
		return v
	case *lua.LUserData:
		switch of := v.Value.(type) {
		case *conn:
			return k.to.userdata(of)
		case nil:
		}
		if k.from.module.RawGetString("null") == lua.LValue(v) {
			return k.to.module.RawGetString("null")
		}
	}
	k.left++
	return lua.LNil
}

func (k *carrier) table(t *lua.LTable) *lua.LTable {
	if made := k.seen[t]; made != nil {
		return made
	}
	made := k.to.L.CreateTable(t.Len(), 0)
	k.seen[t] = made
	k.depth++
	defer func() { k.depth-- }()
	t.ForEach(func(key, v lua.LValue) {
		key, v = k.value(key), k.value(v)
		if key != lua.LNil && v != lua.LNil {
			made.RawSet(key, v)
		}
	})
	return made
}
