package lauxlib

import (
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// Push4 and Pop are L.Push and L.Pop, also where the stack has to grow.
func TestStack(t *testing.T) {
	L := lua.NewState(lua.Options{SkipOpenLibs: true, RegistrySize: 130, RegistryMaxSize: 1000, RegistryGrowStep: 10})
	defer L.Close()
	const n = 400
	for i := lua.LNumber(1); i < n; i += 4 {
		Push4(L, i, i+1, i+2, i+3)
	}
	for i := n; i > 0; i-- {
		if L.GetTop() != i || L.Get(i) != lua.LNumber(i) || L.Get(-1) != lua.LNumber(i) {
			t.Fatalf("%d values, %v on top, want %d", L.GetTop(), L.Get(-1), i)
		}
		if v := Pop(L); v != lua.LNumber(i) {
			t.Fatalf("%v, want %d", v, i)
		}
	}
	L.Push(lua.LTrue)
	if L.GetTop() != 1 || L.Get(1) != lua.LTrue {
		t.Errorf("%d values, %v", L.GetTop(), L.Get(1))
	}
}
