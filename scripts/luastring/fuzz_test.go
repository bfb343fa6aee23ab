package luastring

import (
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// FuzzPattern looks for patterns that make the matcher panic or answer with something that is no part of the subject.
func FuzzPattern(f *testing.F) {
	f.Add("hello world", "(%w+) %b()%f[%a]", "%1")
	f.Add("a]b", "[]^-%]]*-", "%0%%")
	f.Add("\x00\xff", "[%z\xff]+()", "%")
	f.Add("((a)b)", "(((()))%1)$", "x")
	f.Fuzz(func(t *testing.T, s, p, repl string) {
		L := lua.NewState(lua.Options{SkipOpenLibs: true})
		defer L.Close()
		lua.OpenString(L)
		Install(L, &Budget{Steps: 100_000, MaxString: 1 << 20})
		library := L.GetGlobal("string")
		call := func(name string, args ...lua.LValue) bool {
			L.SetTop(0)
			err := L.CallByParam(lua.P{Fn: L.GetField(library, name), NRet: lua.MultRet, Protect: true}, args...)
			if e, ok := err.(*lua.ApiError); ok && e.Type != lua.ApiErrorRun {
				t.Fatalf("%s(%q, %q): %v", name, s, p, err)
			} else if ok && e.Cause != nil {
				t.Fatalf("%s(%q, %q): a panic: %v", name, s, p, e.Cause)
			}
			return err == nil
		}
		if call("find", lua.LString(s), lua.LString(p)) && L.Get(1) != lua.LNil {
			from, to := int(L.Get(1).(lua.LNumber)), int(L.Get(2).(lua.LNumber))
			if from < 1 || to > len(s) || to < from-1 {
				t.Fatalf("find(%q, %q): %d, %d", s, p, from, to)
			}
		}
		if call("gsub", lua.LString(s), lua.LString(p), lua.LString("%0")) && L.Get(1) != lua.LString(s) {
			t.Fatalf("gsub(%q, %q, %%0) gave %q", s, p, L.Get(1))
		}
		call("gsub", lua.LString(s), lua.LString(p), lua.LString(repl))
		call("format", lua.LString(p), lua.LString(s), lua.LNumber(len(s)), lua.LString(repl))
	})
}
