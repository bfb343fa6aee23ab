package luastring

import (
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// TestAllocs pins what a call takes beyond what it returns: nothing.
func TestAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, test := range []struct {
		name string
		args []lua.LValue
		want float64
	}{
		// A string result is one allocation, its header in an interface; a small number none, a larger one one.
		{"find", []lua.LValue{lua.LString("the temperature is 21.5"), lua.LString("%d+%.%d")}, 0},
		{"find", []lua.LValue{lua.LString("the temperature is 21.5"), lua.LString("x")}, 0},
		{"match", []lua.LValue{lua.LString("temp=21.5;unit=C"), lua.LString("unit=(%w+)")}, 1},
		{"gsub", []lua.LValue{lua.LString("nothing to do here"), lua.LString("%d+"), lua.LString("x")}, 1},
		{"gsub", []lua.LValue{lua.LString("card 1234 5678"), lua.LString("%d%d%d%d"), lua.LString("****")}, 4},
	} {
		L := lua.NewState()
		defer L.Close()
		Install(L, &Budget{Steps: 1 << 30})
		f := L.GetField(L.GetGlobal("string"), test.name).(*lua.LFunction)
		got := testing.AllocsPerRun(200, func() {
			for _, a := range test.args {
				L.Push(a)
			}
			// As the machine calls it, without a frame of its own: the stack is the arguments.
			f.GFunction(L)
			L.SetTop(0)
		})
		if got > test.want {
			t.Errorf("%s(%v): %v allocations, want at most %v", test.name, test.args, got, test.want)
		}
	}
}
