package luastring

import (
	"context"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// newState is a state with the replaced functions.
func newState(t testing.TB, b *Budget) *lua.LState {
	L := lua.NewState()
	t.Cleanup(L.Close)
	Install(L, b)
	return L
}

func TestCases(t *testing.T) {
	for _, file := range []string{"testdata/patterns.lua", "testdata/strings.lua"} {
		if err := newState(t, new(Budget)).DoFile(file); err != nil {
			t.Error(err)
		}
	}
}

// TestErrors compares the texts with those of Lua 5.1.
func TestErrors(t *testing.T) {
	for _, test := range []struct{ code, want string }{
		{`("a"):find("%")`, "malformed pattern (ends with '%')"},
		{`("a"):find("[a")`, "malformed pattern (missing ']')"},
		{`("a"):find("[]")`, "malformed pattern (missing ']')"},
		{`("a"):find("[^]")`, "malformed pattern (missing ']')"},
		{`("a"):find("[%]")`, "malformed pattern (missing ']')"},
		{`("a"):find("[a%")`, "malformed pattern (missing ']')"},
		{`("a"):find("(a")`, "unfinished capture"},
		{`("a"):match("a)")`, "invalid pattern capture"},
		{`("a"):find("(a)%2")`, "invalid capture index"},
		{`("a"):find("(%1)")`, "invalid capture index"},
		{`("a"):find("%0")`, "invalid capture index"},
		{`("a"):find("%b")`, "unbalanced pattern"},
		{`("a"):find("%b(")`, "unbalanced pattern"},
		{`("a"):find("%f")`, "missing '[' after '%f' in pattern"},
		{`("a"):find("%fa")`, "missing '[' after '%f' in pattern"},
		{`("a"):find(("()"):rep(33))`, "too many captures"},
		{`("a"):rep(20000):find(("a?"):rep(20000) .. "b")`, "pattern too complex"},
		{`("a"):gsub("a", "%2")`, "invalid capture index"},
		{`("a"):gsub("(a", "%1")`, "unfinished capture"},
		{`("a"):gsub("a", {a = {}})`, "invalid replacement value (a table)"},
		{`("a"):gsub("a", function() return true end)`, "invalid replacement value (a boolean)"},
		{`("a"):gsub("a", true)`, "bad argument #2 to 'gsub' (string/function/table expected)"},
		{`("a"):gsub("a")`, "bad argument #2 to 'gsub' (string/function/table expected)"},
		{`string.find()`, "bad argument #1 to 'find' (string expected, got no value)"},
		{`string.find("a", nil)`, "bad argument #2 to 'find' (string expected, got nil)"},
		{`string.find("a", "a", {})`, "bad argument #3 to 'find' (number expected, got table)"},
		{`string.find("a", "a", "x")`, "bad argument #3 to 'find' (number expected, got string)"},
		{`string.match({}, "a")`, "bad argument #1 to 'match' (string expected, got table)"},
		{`string.gmatch("a")`, "bad argument #2 to 'gmatch' (string expected, got no value)"},
		{`string.rep("a")`, "bad argument #2 to 'rep' (number expected, got no value)"},
		{`string.rep("a", 1e9)`, "string.rep: 1000000000 times 1 bytes is larger than the limit of 16777216"},
		{`string.char(256)`, "bad argument #1 to 'char' (invalid value)"},
		{`string.char(1, -1)`, "bad argument #2 to 'char' (invalid value)"},
		{`("a"):rep(9000):byte(1, -1)`, "stack overflow (string slice too long)"},
		{`string.format("%d")`, "bad argument #2 to 'format' (no value)"},
		{`string.format("%d", "x")`, "bad argument #2 to 'format' (number expected, got string)"},
		{`string.format("%d", {})`, "bad argument #2 to 'format' (number expected, got table)"},
		{`string.format("%y", 1)`, "invalid option '%y' to 'format'"},
		{`string.format("%", 1)`, "invalid option '%' to 'format'"},
		{`string.format("%000000d", 1)`, "invalid format (repeated flags)"},
		{`string.format("%100d", 1)`, "invalid format (width or precision too long)"},
		{`string.format("%.100f", 1)`, "invalid format (width or precision too long)"},
		{`string.format("%q", {})`, "bad argument #2 to 'format' (string expected, got table)"},
		{`table.concat({1, {}, 3})`, "invalid value (table) at index 2 in table for 'concat'"},
		{`table.concat({1}, "", 1, 2)`, "invalid value (nil) at index 2 in table for 'concat'"},
		{`table.concat("a")`, "bad argument #1 to 'concat' (table expected, got string)"},
	} {
		err := newState(t, new(Budget)).DoString(test.code)
		if err == nil {
			t.Errorf("%s: no error, want %q", test.code, test.want)
			continue
		}
		got, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "<string>:1: "), "\n")
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.code, got, test.want)
		}
	}
}

// TestRunaway runs what takes forever, or for ever more memory, without limits.
func TestRunaway(t *testing.T) {
	for _, code := range []string{
		`(("a"):rep(40)):find(("a?"):rep(40) .. ("a"):rep(40) .. "b")`,
		`(("a"):rep(1e5)):find(".-.-.-.-x")`,
		`(("a"):rep(1e5)):match(("a*"):rep(10) .. "b")`,
		`(("a"):rep(1e6)):find(".*.*b")`,
		`(("a"):rep(1e6)):gsub(".-b", "")`,
		`for w in (("a"):rep(1e6)):gmatch("a-b") do end`,
		`(("("):rep(1e6)):gsub("%b()", "")`,
		`(("a"):rep(1e6)):gsub("[" .. ("x"):rep(1e5) .. "]", "")`,
		`(("ab"):rep(1e6)):find("(.-)%1%1%1x")`,
		`(("a"):rep(5e6)):gsub("a", ("b"):rep(5e6))`,
		`(("a"):rep(5e6)):gsub("a", "%0%0%0%0%0")`,
		`string.format(("%s"):rep(9), ("a"):rep(9e6), ("a"):rep(9e6), 1, 1, 1, 1, 1, 1, 1)`,
		`local t = {} for i = 1, 3000 do t[i] = ("a"):rep(1e4) end table.concat(t)`,
		`table.concat({1, 2}, ("a"):rep(9e6), 1, 2) table.concat({1, 2, 3}, ("a"):rep(9e6), 1, 3)`,
		`table.concat(setmetatable({}, {__index = function() return 1 end}), "", 1, 2e9)`,
		`while true do ("a"):rep(1e6) end`,
	} {
		L := newState(t, &Budget{Steps: 5_000_000})
		if err := L.DoString(code); err == nil {
			t.Errorf("%s: no error", code)
		}
	}
}

func TestRunawayTellsWhere(t *testing.T) {
	L := newState(t, &Budget{Steps: 1000})
	err := L.DoString(`ok, err = pcall(string.find, ("a"):rep(1000), ".-.-.-x")`)
	if err != nil {
		t.Fatal(err)
	}
	const want = "string.find: stopped after 1000 steps (the pattern or the data is too much for one call)"
	if got := L.GetGlobal("err").String(); !strings.HasSuffix(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// A budget that is used up stays so until the next call from the host.
	if err := L.DoString(`("a"):find("a.")`); err == nil {
		t.Error("a budget that was used up does for more")
	}
}

// TestContext ends a match by its deadline, with a budget that would let it run on.
func TestContext(t *testing.T) {
	L := newState(t, &Budget{Steps: 1 << 30})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	L.SetContext(ctx)
	err := L.DoString(`(("a"):rep(6e6)):find(".-.-.-.-x")`)
	if err == nil || !strings.Contains(err.Error(), "deadline") {
		t.Errorf("got %v, want an error that speaks of the deadline", err)
	}
}

func TestBudgetReset(t *testing.T) {
	b := &Budget{Steps: 10_000}
	L := newState(t, b)
	const code = `(("a"):rep(4000)):gsub("a", "b")`
	if err := L.DoString(code); err != nil {
		t.Fatal(err)
	}
	var err error
	for range 3 {
		err = L.DoString(code)
	}
	if err == nil {
		t.Fatal("the budget of one call did for four")
	}
	b.Reset()
	if err := L.DoString(code); err != nil {
		t.Fatal(err)
	}
}
