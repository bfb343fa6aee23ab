package luastring

import (
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// ordinary are calls as scripts make them.
var ordinary = []struct{ name, code string }{
	{"find-plain", `return ("the temperature is 21.5 C today"):find("21.5", 1, true)`},
	{"find", `return ("the temperature is 21.5 C today"):find("%d+%.%d")`},
	{"match", `return ("temp=21.5;unit=C;name=roof"):match("unit=(%w+)")`},
	{"gsub-string", `return ("card 1234 5678 9012 3456 end"):gsub("%d%d%d%d", "****")`},
	{"gsub-function", `return ("a=1 b=2 c=3"):gsub("(%w)=(%w)", f)`},
	{"gmatch", `local n = 0 for k, v in ("a=1;b=2;c=3"):gmatch("(%w)=(%w)") do n = n + 1 end return n`},
	{"format", `return string.format("%s %d %5.2f", "roof", 12, 21.5)`},
	{"concat", `return table.concat(t, ",")`},
}

func benchmark(b *testing.B, install func(*lua.LState)) {
	for _, o := range ordinary {
		b.Run(o.name, func(b *testing.B) {
			L := lua.NewState()
			defer L.Close()
			install(L)
			if err := L.DoString(`function f(k, v) return v .. k end t = {"a", "bc", "def", 4, "e"}`); err != nil {
				b.Fatal(err)
			}
			f, err := L.LoadString("local n = ... local function call() " + o.code + " end for i = 1, n do call() end")
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			L.Push(f)
			L.Push(lua.LNumber(b.N))
			L.Call(1, 0)
		})
	}
}

func BenchmarkBudgeted(b *testing.B) {
	benchmark(b, func(L *lua.LState) { Install(L, &Budget{Steps: 1 << 30}) })
}
func BenchmarkOriginal(b *testing.B) { benchmark(b, func(*lua.LState) {}) }
