package luacode

import (
	"strconv"
	"strings"
	"testing"
)

// TestCode runs what gopher-lua's own compiler gets wrong, and what is easy to get wrong.
func TestCode(t *testing.T) {
	for _, test := range []struct{ src, want string }{
		// Assignment.
		{`local x, y = 1, 2 x, y = y, x return x, y`, "2 1"},
		{`local a, b, c = 1, 2, 3 a, b, c = c, a, b return a, b, c`, "3 1 2"},
		{`local i, t = 1, {10, 20} i, t[i] = i + 1, 5 return i, t[1], t[2]`, "2 5 20"},
		{`local t = {} local u = t t.a, t = 1, {} return u.a, t.a`, "1 nil"},
		{`local a, b = (function() return 1, 2 end)() a, b = b, a return a, b`, "2 1"},
		{`local function f() return 1, 2, 3 end local a, b, c, d a, b, c, d = f() return a, b, c, d`, "1 2 3 nil"},
		{`local function f() return 1, 2, 3 end local a, b a, b = (f()), f() return a, b`, "1 1"},
		{`local x = 1 local function g() return x end x, y = 2, g() return x, y`, "2 1"},
		{`local f = 1 local f = function() return f end return f()`, "1"},
		{`local function f(n) return n == 0 and "end" or f(n - 1) end return f(3)`, "end"},
		// Logic.
		{`local function f() return false end local ok = true ok = ok and (f() and f()) return ok`, "false"},
		{`local ok = nil ok = ok and (1 and 2) return ok`, "nil"},
		{`local a, b = nil, false return a or b, b or a, a and b, not a and b == false, (a or 1) and (b or 2)`, "false nil nil true 2"},
		{`local x = 5 local y = x > 3 and x < 9 or x == 1 return y, not y, not (x == 5) == false`, "true false true"},
		{`local function v(...) return (...) or select("#", ...) end return v(), v(nil, 2), v(false, 1) and 3`, "0 2 3"},
		{`local a = 1 if false then local b = 2 end for k in pairs({1}) do if false then local x end a = k + 1 end return a`, "2"},
		{`local n = 0 for i = 1, 3 do if nil then local q, r, s end local z = i n = n + z end return n`, "6"},
		{`while true do if true then break end end repeat local x = 1 until x return "out"`, "out"},
		// Loops and their variables.
		{`local fs = {} for i = 1, 3 do fs[i] = function() i = i + 1 return i end end return fs[1](), fs[1](), fs[2]()`, "2 3 3"},
		{`local fs, i = {}, 0 repeat local j = i fs[#fs + 1] = function() return j end i = i + 1 until j >= 2 return fs[1](), fs[2](), fs[3]()`, "0 1 2"},
		{`local fs = {} for _, v in ipairs{1, 2} do local w = v if v == 2 then fs[2] = function() return w end break end fs[1] = function() return w end end return fs[1](), fs[2]()`, "1 2"},
		{`local s = 0 for i = 1, 0 do s = 1 end for i = 3, 1, -1 do s = s * 10 + i end for i = 0, 1, 0.25 do s = s + i end return s`, "323.5"},
		{`local s = "" for i = "1", "3" do s = s .. i end return s`, "123"},
		{`local s = 0 for i = 1, 3 do local i = i * 2 s = s + i end return s`, "12"},
		{`local pairs = function() return function(_, c) c = (c or 0) + 1 if c < 3 then return c end end end local s = 0 for i in pairs() do s = s + i end return s`, "3"},
		// Varargs.
		{`local function f(...) return select("#", ...), arg end return f(nil, nil)`, "2 nil"},
		{`local function f(...) return arg.n, arg[2] end return f(nil, 7, nil)`, "3 7"},
		{`local function f(a, ...) local b, c = ... return a, b, c, (...) end return f(1, 2)`, "1 2 nil 2"},
		{`local function f(...) return {n = select("#", ...), ...}, ... end local t, a, b = f(1, nil) return t.n, t[1], a, b`, "2 1 1 nil"},
		{`local function f(...) local a, b, c = 1, 2, 3 b, c, a = "x", "y", (...) return a, b, c end return f(), f(4)`, "nil 4 x y"},
		// Tables and methods.
		{`local t = {1, 2, x = 3, (function() return 4, 5 end)()} return #t, t[3], t[4], t.x`, "4 4 5 3"},
		{`local t = {(function() return 4, 5 end)(), 6} return #t, t[2]`, "2 6"},
		{`local o = {n = 1} function o:add(k) self.n = self.n + k return self end function o.p.q() end return 1`, "!t.lua:1: attempt to index field 'p' (a nil value)"},
		{`local o = {n = 1} function o:add(k) self.n = self.n + k return self end return o:add(2):add(3).n`, "6"},
		// Operators.
		{`return 2 ^ -3, -2 ^ 2, 2 ^ 3 ^ 2, not 1 == 2, "a" .. "b" == "ab", 7 % -3, -6 % 3, 5.5 % 2`, "0.125 -4 512 false true -2 0 1.5"},
		{`return 5e-324 ^ -1, -1e-310 ^ -1, 5e-324 ^ -2, 1e308 ^ -1`, "+Inf -Inf +Inf 1e-308"},
		{`local a = 0 return (0 * -2.5) .. ""`, "0"},
		{`return "10" + 5, "0x10" * 1, " 3 " - 1, "00042" + 0, 10 .. 20, -"2"`, "15 16 2 42 1020 -2"},
		{`return "1_000" + 0`, "!t.lua:1: attempt to perform arithmetic on a string value"},
		{`local mt = {__len = function() return 42 end} return #setmetatable({1}, mt)`, "1"},
		{`local mt = {} mt.__lt = function(a, b) return a.v < b.v end local function v(n) return setmetatable({v = n}, mt) end
		  return v(1) < v(2), v(1) <= v(2), v(2) <= v(1), v(1) > v(2), v(1) >= v(1)`, "true true false false true"},
		{`local function two() return 2, 3 end return "a" .. two(), 7 % two(), 2 ^ two(), (function(...) return "x" .. ... end)(1, 2)`, "a2 1 4 x1"},
		// goto is a name.
		{`local goto = {1, 2} goto[3] = #goto return goto[3], ({goto = 5}).goto`, "2 5"},
		// What errors call a value.
		{`local s = "x" return s:uper()`, "!t.lua:1: attempt to call method 'uper' (a nil value)"},
		{`local t = {} t.x.y = 1`, "!t.lua:1: attempt to index field 'x' (a nil value)"},
		{`undefined()`, "!t.lua:1: attempt to call global 'undefined' (a nil value)"},
		{`local t = {} local function f() return t.a + 1 end f()`, "!t.lua:1: attempt to perform arithmetic on field 'a' (a nil value)"},
		{`local n local function f() return n.x end f()`, "!t.lua:1: attempt to index upvalue 'n' (a nil value)"},
		{`local x = false return tostring(false - x)`, "!t.lua:1: attempt to perform arithmetic on a boolean value"},
		{`local a = nil return #a`, "!t.lua:1: attempt to get length of local 'a' (a nil value)"},
		{`local a = "1" return a < 1`, "!t.lua:1: attempt to compare string with number"},
		{`return nil < nil`, "!t.lua:1: attempt to compare two nil values"},
		{`for i = 1, {} do end`, "!t.lua:1: 'for' limit must be a number"},
	} {
		got, err := run(t, test.src)
		if err != nil {
			text, _, _ := strings.Cut(err.Error(), "\n")
			got = "!" + text
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.src, got, test.want)
		}
	}
}

// TestLargeCode is what does not fit into one instruction.
func TestLargeCode(t *testing.T) {
	many := func(n int, item, sep string) string { return strings.TrimSuffix(strings.Repeat(item+sep, n), sep) }
	for _, test := range []struct{ name, src, want string }{
		{"table", "local t = {" + many(30000, "7", ",") + "} return #t, t[29999]", "30000 7"},
		{"many constants", "local t = {} " + numbered(600, "t['k@'] = @.5 ") + "return t.k1, t.k599, t['k300'] == 300.5, ('x'):rep(2)", "1.5 599.5 true xx"},
		{"far jump", "local n = 0 while n < 2 do n = n + 1 " + many(30000, "n = n + 0", " ") + " end return n", "2"},
		{"locals", "local a = 0 " + numbered(199, "local v@ = @ ") + "return v1 + v198", "199"},
		{"too many locals", numbered(201, "local v@ = @ "), "!t.lua:1: main function has more than 200 local variables"},
	} {
		got, err := run(t, test.src)
		if err != nil {
			text, _, _ := strings.Cut(err.Error(), "\n")
			got = "!" + text
		}
		if got != test.want {
			t.Errorf("%s: %.200q, want %q", test.name, got, test.want)
		}
	}
}

// numbered repeats a text with 0, 1, 2, … in the place of "@".
func numbered(n int, text string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(text, "@", strconv.Itoa(i)))
	}
	return b.String()
}
