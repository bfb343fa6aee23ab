package luastring

import (
	"fmt"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
	"pgregory.net/rapid"
)

// TestBeyondTheOriginals lists where gopher-lua's own functions are not Lua 5.1, and so are no measure for these.
func TestBeyondTheOriginals(t *testing.T) {
	for _, test := range []struct{ code, want string }{
		{`("THE (quick) fox"):find("%f[%a]%a+%f[%A]", 2)`, "6 10"},
		{`("ff"):find("%f[%w]f")`, "1 1"},
		{`("a"):find("", 2)`, "2 1"},
		{`("^a"):gmatch("^a")()`, "^a"},
		{`("a."):find("a.", "1", true)`, "1 2"},
		{`("abc"):gsub("b", 7)`, "a7c 1"},
		{`("abc"):gsub("b", "%x")`, "axc 1"},
		{`pcall(string.find, "a", "%b")`, "false"},
		{`("é"):upper()`, "é"},
		{`#("\255"):upper()`, "1"},
		{`string.format("%q", "a\nb")`, "\"a\\\nb\""},
		{`string.format("%x", -1)`, "ffffffffffffffff"},
		{`pcall(string.char, 256)`, "false"},
		{`("abc"):sub("2")`, "bc"},
		{`table.concat({[0] = "z", "a"}, "-", 0, 1)`, "z-a"},
	} {
		results := func(L *lua.LState) string {
			if err := L.DoString("return " + test.code); err != nil {
				return "error"
			}
			var all []string
			for i := 1; i <= L.GetTop(); i++ {
				all = append(all, L.Get(i).String())
			}
			return strings.Join(all, " ")
		}
		if got := results(newState(t, new(Budget))); got != test.want && !(test.want == "false" && strings.HasPrefix(got, "false ")) {
			t.Errorf("%s: %q, want %q", test.code, got, test.want)
		}
		original := lua.NewState()
		if results(original) == test.want {
			t.Errorf("%s: gopher-lua has it right; it belongs into TestDifferential", test.code)
		}
		original.Close()
	}
}

// piece generates one item of a pattern that both read alike.
var piece = rapid.Custom(func(t *rapid.T) string {
	class := rapid.SampledFrom([]string{"a", "b", "c", ".", "%a", "%d", "%s", "%u", "%A", "%w", "%x", "%%", "%.", "[ab]", "[^a]", "[a-c]", "[%d%s]", "[^%a_]", "1"}).Draw(t, "class")
	if rapid.IntRange(0, 12).Draw(t, "balanced") == 0 {
		return "%bab"
	}
	return class + rapid.SampledFrom([]string{"", "", "", "*", "+", "-", "?"}).Draw(t, "repetition")
})

var pattern = rapid.Custom(func(t *rapid.T) string {
	var b strings.Builder
	for _, p := range rapid.SliceOfN(piece, 1, 5).Draw(t, "pieces") {
		switch rapid.IntRange(0, 5).Draw(t, "capture") {
		case 0:
			b.WriteString("(" + p + ")")
		default:
			b.WriteString(p)
		}
	}
	return rapid.SampledFrom([]string{"", "", "^"}).Draw(t, "head") + b.String() + rapid.SampledFrom([]string{"", "", "$"}).Draw(t, "tail")
})

var subject = rapid.StringMatching(`[abcXZ019 _%.]{0,24}`)

// TestDifferential compares with gopher-lua's originals.
func TestDifferential(t *testing.T) {
	original := lua.NewState()
	defer original.Close()
	ours := lua.NewState()
	defer ours.Close()
	Install(ours, &Budget{Steps: 1 << 30})
	call := func(L *lua.LState, f string, args ...lua.LValue) string {
		L.SetTop(0)
		err := L.CallByParam(lua.P{Fn: L.GetField(L.GetGlobal("string"), f), NRet: lua.MultRet, Protect: true}, args...)
		if err != nil {
			return "error"
		}
		var b strings.Builder
		for i := 1; i <= L.GetTop(); i++ {
			fmt.Fprintf(&b, "%s(%q) ", L.Get(i).Type(), L.Get(i).String())
		}
		if b.Len() == 0 {
			return "nil(\"nil\") " // gopher-lua's match returns nothing for no match
		}
		return b.String()
	}
	rapid.Check(t, func(t *rapid.T) {
		s, p := subject.Draw(t, "subject"), pattern.Draw(t, "pattern")
		init := lua.LNumber(rapid.IntRange(1, len(s)+1).Draw(t, "init"))
		for _, f := range []string{"find", "match"} {
			want := call(original, f, lua.LString(s), lua.LString(p), init)
			if got := call(ours, f, lua.LString(s), lua.LString(p), init); got != want {
				t.Fatalf("%s(%q, %q, %v): %s, gopher-lua %s", f, s, p, init, got, want)
			}
		}
		limit := lua.LNumber(rapid.IntRange(1, 30).Draw(t, "limit"))
		repl := lua.LString(rapid.SampledFrom([]string{"", "x", "<%0>", "%1", "%%"}).Draw(t, "replacement"))
		want := call(original, "gsub", lua.LString(s), lua.LString(p), repl, limit)
		if got := call(ours, "gsub", lua.LString(s), lua.LString(p), repl, limit); got != want {
			t.Fatalf("gsub(%q, %q, %q, %v): %s, gopher-lua %s", s, p, repl, limit, got, want)
		}
	})
}
