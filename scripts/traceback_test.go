package scripts

import (
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
	got := runLua(t, []byte("local function f() print(debug.traceback('here')) return pcall(function() print(debug.traceback('there')) end) end\nf()"), true)
	want := "here\nstack traceback:\n\tcases.lua:1: in function 'f'\n\tcases.lua:2: in main chunk\n\t[C]: ?\nthere\nstack traceback:\n\tcases.lua:1: in function <cases.lua:1>\n"
	if got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
