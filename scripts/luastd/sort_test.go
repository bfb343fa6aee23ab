package luastd_test

import (
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/luastd"
	"github.com/ws76/ws76/scripts/luastring"
)

// Comparing long strings takes steps as they are long, so that it can be stopped.
func TestSortSteps(t *testing.T) {
	L := lua.NewState()
	defer L.Close()
	b := &luastring.Budget{Steps: 100_000}
	luastring.Install(L, b)
	luastd.Table(L, b, L.GetGlobal(lua.TabLibName).(*lua.LTable))
	list := L.NewTable()
	for i := range 100 {
		list.Append(lua.LString(strings.Repeat("x", 1<<20) + string(rune('a'+i))))
	}
	L.SetGlobal("list", list)
	b.Reset()
	if err := L.DoString(`table.sort(list)`); err == nil || !strings.Contains(err.Error(), "table.sort: stopped after 100000 steps") {
		t.Errorf("sorted, or failed with %v", err)
	}
}
