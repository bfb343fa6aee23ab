package scripts

import (
	"slices"
	"strings"
	"testing"
)

const tracebacks = `
local function g() print(debug.traceback("in", 1)) print(debug.traceback()) return 1 end
local t = {m = function() g() return 1 end}
local function tail() return t.m() end
local function f() local ok, e = pcall(function() t.m() tail() end) return 1 end
f()
local function deep(n) if n == 0 then print(debug.traceback("deep")) return 1 end return 1 + deep(n - 1) end
for n = 0, 30 do deep(n) end
print(xpcall(function() local x = nil + 1 end, debug.traceback))
print(xpcall(function() local x = nil .. 1 end, debug.traceback))
print(xpcall(function() error("x") end, debug.traceback))
print(debug.traceback(nil), debug.traceback({}) ~= nil, debug.traceback("a", 0), debug.traceback("b", 2), debug.traceback("c", 90))
table.sort({1, 2}, function(a, b) print(debug.traceback("sort")) return a < b end)
`

// TestTraceback compares tracebacks with those of PUC Lua.
func TestTraceback(t *testing.T) {
	want := strings.ReplaceAll(string(pucLua(t, []byte(tracebacks))), "stdin:", "cases:")
	compareLines(t, "main chunk", runLua(t, []byte(tracebacks), false), want)
	if strings.Count(want, "\n") < 100 {
		t.Errorf("lua5.1 says little: %s", want)
	}
}

// A task shows nothing of the host either, and its own error names the main chunk as Lua does.
func TestTracebackOfTask(t *testing.T) {
	got := runLua(t, []byte("local function f() print(debug.traceback('here')) pcall(function() print(debug.traceback('there')) end) end\nf()"), true)
	want := "here\nstack traceback:\n\tcases.lua:1: in function 'f'\n\tcases.lua:2: in main chunk\n\t[C]: ?\nthere\nstack traceback:\n" +
		"\tcases.lua:1: in function <cases.lua:1>\n\t[C]: in function 'pcall'\n\tcases.lua:1: in function 'f'\n\tcases.lua:2: in main chunk\n\t[C]: ?\n"
	if got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// An error of a hook is told as Lua tells one.
func TestTracebackOfHook(t *testing.T) {
	for _, test := range []struct{ code, want string }{
		{"local function inner(t) return t.x.y .. '' end\nlocal function mid(t) local s = inner(t) return s end\nfunction on_message() pcall(error) mid({x = {}}).z() end",
			"ERROR test.lua: on_message: test.lua:1: attempt to concatenate field 'y' (a nil value)\nstack traceback:\n\ttest.lua:1: in function 'inner'\n\ttest.lua:2: in function 'mid'\n\ttest.lua:3: in function <test.lua:3>"},
		{"local t = {x = {}} ws76.spawn(function() end) coroutine.wrap(function() end)()\nfunction on_message() return t.x() end",
			"ERROR test.lua: on_message: test.lua:2: attempt to call field 'x' (a table value)\nstack traceback:\n\ttest.lua:2: in function <test.lua:2>"},
		{"function on_message() return tostring(error({})) end", "ERROR test.lua: on_message: an error object that is a table: table: "},
	} {
		r := newRig(t, test.code, Options{})
		r.push("x")
		if logs := r.got(&r.logs); !slices.ContainsFunc(logs, func(line string) bool { return strings.HasPrefix(line, test.want) }) {
			t.Errorf("logged %q\nwant %q", logs, test.want)
		}
	}
}

// So is one of too many calls, whose levels are those at the end.
func TestTracebackOfOverflow(t *testing.T) {
	r := newRig(t, "local function f() return 1 + f() end\nfunction on_message() f() end", Options{})
	r.push("x")
	want := "ERROR test.lua: on_message: test.lua:1: stack overflow\nstack traceback:\n" + strings.Repeat("\ttest.lua:1: in function 'f'\n", 12) + "\t...\n"
	if logs := strings.Join(r.got(&r.logs), "\n"); !strings.HasPrefix(logs, want) {
		t.Errorf("logged %q\nwant %q", logs, want)
	}
}
