package lualib

import (
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/luastring"
)

func inspectState(t testing.TB, b *luastring.Budget) *lua.LState {
	return newState(t, &Options{Budget: b})
}

// eval returns the value of a Lua expression.
func eval(t testing.TB, L *lua.LState, code string) lua.LValue {
	t.Helper()
	run(t, L, []byte("value = (function() "+code+" end)()"), "eval.lua")
	return L.GetGlobal("value")
}

func TestInspect(t *testing.T) {
	L := inspectState(t, new(luastring.Budget))
	for _, tt := range []struct{ code, want string }{
		{`return nil`, "nil"}, {`return true`, "true"}, {`return 1`, "1"}, {`return -0.5`, "-0.5"}, {`return 1/0`, "inf"}, {`return 1e20`, "1e+20"},
		{`return "a b"`, `"a b"`}, {`return "q\"\\\n\r\t\0\1279\255ä€"`, `"q\"\\\n\r\t\000\1279\255ä€"`}, {`return "\226\128\174\239\187\191"`, `"\226\128\174\239\187\191"`},
		{`return {}`, "{}"}, {`return {1, "a", {}}`, `{1, "a", {}}`}, {`return {1, nil, 3}`, `{1, [3] = 3}`},
		{`return {b = 1, a = {c = 2}, 5, ["d e"] = 1, ["end"] = 2, [0] = 0, [-1] = 1, [1.5] = 2, [true] = 1, [false] = 2}`,
			"{\n  5,\n  [-1] = 1,\n  [0] = 0,\n  [1.5] = 2,\n  a = {c = 2},\n  b = 1,\n  [\"d e\"] = 1,\n  [\"end\"] = 2,\n  [false] = 2,\n  [true] = 1\n}"},
		{`local t = {1} t.self = t t.other = {t} return t`, "{1, other = {<cycle>}, self = <cycle>}"},
		{`local s = {1} return {s, s}`, "{{1}, {1}}"},
		{`return ws76.null`, "null"}, {`return {ws76.json.array()}`, "{{}}"},
		{`return {print, function() end}`, "{<function>, <function eval.lua:1>}"}, {`return coroutine.create(function() end)`, "<thread>"},
		{`return {[{}] = 1}`, "{[<table>] = 1}"},
		{`local t = {} for i = 1, 30 do t[i] = i end return {t, x = {}}`,
			"{\n  {\n" + func() string {
				var lines []string
				for n := range strings.FieldsSeq("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30") {
					lines = append(lines, "    "+n)
				}
				return strings.Join(lines, ",\n")
			}() + "\n  },\n  x = {}\n}"},
		{`local t = {} local u = t for i = 1, 200 do u[1] = {} u = u[1] end return #ws76.inspect(t) < 30000 and ws76.inspect(t):find("{…}", 1, true) ~= nil`, "true"},
		{`return setmetatable({1}, {__tostring = function() error("not called") end, __index = error, __len = error})`, "{1}"},
	} {
		v := eval(t, L, tt.code)
		if got := Inspect(L, new(luastring.Budget), v); got != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.code, got, tt.want)
		}
		L.SetGlobal("value", v)
		run(t, L, []byte("again = ws76.inspect(value)"), "again.lua")
		if got := L.GetGlobal("again").String(); got != tt.want {
			t.Errorf("ws76.inspect: %s: %s", tt.code, got)
		}
	}
}

// What would be too much ends with the limit's error.
func TestInspectBudget(t *testing.T) {
	for _, code := range []string{
		`local s = ("x"):rep(5000) ws76.inspect({s, s, s, s, s})`,
		`local t = {"x"} for i = 1, 60 do t = {t, t} end ws76.inspect(t)`,
		`local t = {} for i = 1, 1e5 do t[i] = i end ws76.inspect(t)`,
	} {
		b := &luastring.Budget{MaxString: 10_000, Steps: 1_000_000}
		L := inspectState(t, b)
		b.Reset()
		if err := L.DoString(code); err == nil || !strings.Contains(err.Error(), "inspect: ") {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestDifference(t *testing.T) {
	L := inspectState(t, new(luastring.Budget))
	for _, tt := range []struct{ got, want, at string }{
		{"1", "1", "="}, {"1", "2", ""}, {"1", `"1"`, ""}, {"nil", "false", ""}, {"0/0", "0/0", "="}, {"{}", "{}", "="}, {"{}", "1", ""},
		{"{1, 2}", "{1, 3}", "[2]"}, {"{1}", "{1, 2}", "[2]"}, {"{1, 2}", "{1}", "[2]"}, {"{a = {b = {1}}}", "{a = {b = {2}}}", ".a.b[1]"},
		{`{["x y"] = 1}`, "{}", `["x y"]`}, {"{b = 1, a = 1}", "{b = 2, a = 2}", ".a"}, {"{[true] = 1}", "{}", "[true]"},
		{"(function() local t = {} t.t = t return t end)()", "(function() local t = {} t.t = t return t end)()", "="},
		{"(function() local t = {} t.t = t return t end)()", "(function() local t = {} t.t = {t = t, x = 1} return t end)()", ".t.x"},
		{"print", "print", "="}, {"print", "error", ""}, {"ws76.null", "ws76.null", "="},
	} {
		at, got, want, same := Difference(L, new(luastring.Budget), eval(t, L, "return "+tt.got), eval(t, L, "return "+tt.want))
		if same != (tt.at == "=") || !same && at != tt.at {
			t.Errorf("%s and %s: at %q: %v and %v, same %v; want %q", tt.got, tt.want, at, got, want, same, tt.at)
		}
	}
}
