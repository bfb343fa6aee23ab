package luastring

import lua "github.com/yuin/gopher-lua"

// Install puts the functions that keep to the budget into the tables string and table of L, which must be open.
// string.dump is taken away: gopher-lua has none.
func Install(L *lua.LState, b *Budget) {
	b.Reset()
	if s, ok := L.GetGlobal(lua.StringLibName).(*lua.LTable); ok {
		String(L, b, s)
		s.RawSetString("dump", lua.LNil)
	}
	if t, ok := L.GetGlobal(lua.TabLibName).(*lua.LTable); ok {
		Table(L, b, t)
	}
}

// String fills t with the string library.
func String(L *lua.LState, b *Budget, t *lua.LTable) {
	L.SetFuncs(t, map[string]lua.LGFunction{
		"byte": b.byte, "char": b.char, "find": b.find, "format": b.format, "gmatch": b.gmatch,
		"gsub": b.gsub, "len": b.length, "lower": b.lower, "match": b.match, "rep": b.rep, "reverse": b.reverse,
		"sub": b.sub, "upper": b.upper,
	})
	t.RawSetString("gfind", t.RawGetString("gmatch"))
}

// Find is string.find.
func (b *Budget) Find(L *lua.LState) int { return b.find(L) }

// Table sets table.concat in t, for a table that is filled later.
func Table(L *lua.LState, b *Budget, t *lua.LTable) {
	t.RawSetString("concat", L.NewFunction(b.tableConcat))
}
