package luacode

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/luastring"
)

// run runs a source in a fresh state and returns what it returns, as text.
func run(t testing.TB, src string) (string, error) {
	t.Helper()
	proto, err := Compile([]byte(src), "t.lua")
	if err != nil {
		return "", err
	}
	L := lua.NewState()
	defer L.Close()
	b := &luastring.Budget{MaxString: 1 << 20}
	luastring.Install(L, b)
	Install(L, b)
	L.Push(L.NewFunctionFromProto(proto))
	if err := L.PCall(0, lua.MultRet, nil); err != nil {
		return "", err
	}
	var all []string
	for i := 1; i <= L.GetTop(); i++ {
		all = append(all, L.Get(i).String())
	}
	return strings.Join(all, " "), nil
}

func TestCompile(t *testing.T) {
	for _, test := range []struct{ src, want string }{
		{`return 1 + 2, "x" .. 1 .. 2.5 .. "y"`, "3 x12.5y"},
		{"#!/usr/bin/env ws76\nreturn debug and 1", "1"},
		{`return ("a" .. "b"):upper() .. #("c" .. "d")`, "AB2"},
		{`local t = {a = "x" .. "y", ["k" .. 1] = -1}; return t.a .. t.k1`, "xy-1"},
		{`local function f(...) return select("#", ...) .. ... end; return f("a")`, "1a"},
		{`return (function() return "a" .. "b", 2 end)()`, "ab 2"},
		{`local log = {}; local m = setmetatable({}, {__concat = function(a, b) log[#log + 1] = type(a) return "m" end})
		  local s = "a" .. m .. "b"; return s, log[1]`, "am table"},
		// An environment of its own does not take ".." away.
		{`local f = setfenv(function() return "a" .. "b" end, {}); return f()`, "ab"},
		{`local f = loadstring("return x .. 'b'"); return setfenv(f, {x = "a"})()`, "ab"},
		{`local parts = {"retu", "rn 1 .. 2", nil}; local i = 0; return load(function() i = i + 1 return parts[i] end)()`, "12"},
		{`return loadstring("return +")`, "nil [string \"return +\"]:1: unexpected symbol near '+'"},
		// Results that go into the last parameter, from which the arguments come.
		{`local function f(c, d) d = d .. d return d end return f(1, "x")`, "xx"},
		{`local function f(c, d) d, c = d .. d, 2 return d, c end return f(1, "x")`, "xx 2"},
		{`local function f(c, d) c, d = d .. c, c .. d return c, d end return f(1, "x")`, "x1 1x"},
		{`local function g(a, b) return type(a) end local function f(c, d) d = (g(d, d)) return d end return f(1, "x")`, "string"},
		{`local function f(d) d = ("<" .. d .. ">"):upper() .. d return d end return f("x")`, "<X>x"},
		{`local function f(d) d = {d .. d, k = d .. 1} return d[1] .. d.k end return f("x")`, "xxx1"},
		{`local function f(d) d = d and d .. "y" or d .. "z" return d end return f("x")`, "xy"},
		{`local function f(d) d = not d or d .. "y" return d end return f("x")`, "xy"},
		{`local function f(d) d = (d .. "a") .. (d .. "b") return d end return f("x")`, "xaxb"},
		{`local function f(d) d = d .. "a" == "xa" and d .. "b" return d end return f("x")`, "xb"},
		{`local function f(d) d = -(d .. 1) return d end return f("2")`, "-21"},
		{`local function f(d) d = #(d .. 1) return d end return f("2")`, "2"},
		{`local function f(d) local d = d .. d d = d .. d return d end return f("x")`, "xxxx"},
		{`local function f(d) d = ({a = d})["" .. "a"] .. d return d end return f("x")`, "xx"},
		// Loops.
		{`local s = "" for k, v in pairs({"a", "b"}) do s = s .. k .. v end return s`, "1a2b"},
		{`local function it(s, c) if c < s then return c + 1, c * 2 end end
		  local s = "" for a, b in it, 3, 0 do s = s .. a .. b .. ";" end return s`, "10;22;34;"},
		{`local function it(s, c) if c < s then return c + 1 end end
		  local s = "" for a in it, 9, 0 do if a == 5 then break end if a ~= 2 then s = s .. a; a = 100 end end return s`, "134"},
		{`local fs = {} local function it(s, c) if c < s then return c + 1 end end
		  for a in it, 3, 0 do fs[a] = function() a = a + 1 return a end end return fs[1](), fs[1](), fs[2](), fs[3]()`, "2 3 3 4"},
		{`local function it() return nil end for a in it do return 1 end return 2`, "2"},
		{`for w in ("a b"):gmatch("%a") do return w end`, "a"},
		{`for w in string.gmatch("a b", "%a") do return w end`, "a"},
		// What gopher-lua's own loop breaks: an iterator that yields.
		{`local co = coroutine.wrap(function() local s = "" for m in function() return coroutine.yield() end do s = s .. m end coroutine.yield(s) end)
		  co() co("a") co("b") return co(nil)`, "ab"},
	} {
		got, err := run(t, test.src)
		if err != nil {
			t.Errorf("%s: %v", test.src, err)
		} else if got != test.want {
			t.Errorf("%s: %q, want %q", test.src, got, test.want)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, test := range []struct{ src, want string }{
		{"x = = 1", "t.lua:1: unexpected symbol near '='"},
		{"\n\nlocal x = 'abc", "t.lua:3: unfinished string near '<eof>'"},
		{"if x then\n", "t.lua:2: 'end' expected (to close 'if' at line 1) near '<eof>'"},
		{"#!x\ny y", "t.lua:2: '=' expected near 'y'"},
		{"return loadstring('#x')()", "t.lua:1: attempt to call a nil value"},
		{"return loadstring(('x'):rep(90))()", "t.lua:1: attempt to call a nil value"},
		{"local x = nil\nreturn 'a' ..\n x", "t.lua:3: attempt to concatenate local 'x' (a nil value)"},
		{"local s = 'x' while true do s = s .. s end", "t.lua:1: ..: a string of 2097152 bytes is larger than the limit of 1048576"},
		{"return " + strings.Repeat("(", 1e5) + "1" + strings.Repeat(")", 1e5), "t.lua:1: chunk has too many syntax levels"},
		{"return " + strings.Repeat("{", 1e5) + strings.Repeat("}", 1e5), "t.lua:1: chunk has too many syntax levels"},
		{"return " + strings.Repeat("-", 1) + strings.Repeat("not ", 1e5) + "1", "t.lua:1: chunk has too many syntax levels"},
		{strings.Repeat("do ", 1e5) + strings.Repeat("end ", 1e5), "t.lua:1: chunk has too many syntax levels"},
		{"return " + strings.Repeat("function() return ", 4e4) + "1" + strings.Repeat(" end", 4e4), "t.lua:1: chunk has too many syntax levels"},
		{strings.Repeat(" ", MaxSource+1), "t.lua: a source of 1048577 bytes is larger than the limit of 1048576"},
		{"error('x', 0)", "x"},
		{"error('x')", "t.lua:1: x"},
		{"local t = {} for i in 5 do end", "t.lua:1: attempt to call a number value"},
	} {
		_, err := run(t, test.src)
		if test.want == "" {
			continue // either way, as long as it comes back
		}
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%.60q: got %v, want %q", test.src, err, test.want)
		}
	}
}

// TestLongChains compiles what is long but not deep in the eyes of who wrote it.
func TestLongChains(t *testing.T) {
	for _, test := range []struct{ name, src, want string }{
		{"concat", "local a = 'x' return #(a" + strings.Repeat(" .. a", 190) + ")", "191"},
		{"sum", "return 1" + strings.Repeat("+1", 50_000), "50001"},
		{"remainder", "local a = 7 return a" + strings.Repeat("%4", 20_000), "3"},
		{"and", "local a = 7 return a" + strings.Repeat(" and a", 20_000), "7"},
		{"fields", "local a = {} a.b = a return a == a" + strings.Repeat(".b", 50_000), "true"},
		{"calls", "local function f() return f end f = function() return f end return f()" + strings.Repeat("()", 20_000) + " == f", "true"},
		{"methods", "local a = {b = function(self) return self end} return a" + strings.Repeat(":b()", 20_000) + " == a", "true"},
		{"elseif", "local x = 0 if x == 1 then " + strings.Repeat("elseif x == 2 then ", 30_000) + "else return 'end' end", "end"},
		{"list", "return #{" + strings.Repeat("1,", 100_000) + "}", "100000"},
	} {
		got, err := run(t, test.src)
		if err != nil || got != test.want {
			t.Errorf("%s: %q, %.200v, want %q", test.name, got, err, test.want)
		}
	}
}

// TestArrayHole makes an index far away, which must not make an array up to there.
func TestArrayHole(t *testing.T) {
	if got, err := run(t, "local t = {} t[60000000] = 1 table.insert(t, 50000000, 2) return t[60000000], t[50000000], #t"); err != nil || got != "1 2 0" {
		t.Errorf("%q, %v, want %q", got, err, "1 2 0")
	}
}

func FuzzCompile(f *testing.F) {
	f.Add("return a .. b .. 1")
	f.Add("for a, b in f() do break end")
	f.Add("local function f(...) return ... end if x then elseif y then else end repeat until not -#x")
	f.Add("#!x\nx.y['z']:w{1, a = 2}")
	f.Fuzz(func(t *testing.T, src string) {
		_, err := Compile([]byte(src), "f")
		var syntax *SyntaxError
		if err != nil && !errors.As(err, &syntax) {
			t.Fatalf("%T %v is no *SyntaxError", err, err)
		}
	})
}

// What compiling takes in memory is charged before, whatever the source is made of, and grows with its size only.
func TestCharge(t *testing.T) {
	constants := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "x='%d' ", i)
		}
		return b.String()
	}
	for _, piece := range []string{
		"x=1 ", "f() ", "f{}", "f'a'", "a:b() ", "t={{},{},{},{}} ", "x=function()end ", "do local x end ", "x=a.b.c.d ", "x=a..b..c ",
		"if a then end ", "--\n", "x=not not a ", "for i=1,2 do end ", "for a in b do end ", "a=b;", "x=((((1)))) ", "repeat local a=function()return a end until a ", "constants",
	} {
		src := strings.Repeat(piece, (64<<10)/len(piece))
		if piece == "constants" {
			src = constants(6000)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Compile([]byte(src), "t.lua")
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Errorf("%q: %v", piece, err)
		}
		const perToken, least = 320, 64 << 10
		if took, most := int(after.TotalAlloc-before.TotalAlloc), perToken*tokens(src)+least; took > most {
			t.Errorf("%q: compiling took %d bytes, want at most %d", piece, took, most)
		}
		if _, err := run(t, "return loadstring(("+strconv.Quote(strings.TrimSuffix(piece, "\n"))+"):rep(50000))"); !strings.Contains("--\n; constants", piece) && (err == nil || !strings.Contains(err.Error(), "limit")) {
			t.Errorf("%q: loadstring of very much gives %v", piece, err)
		}
	}
	if _, err := Compile([]byte(constants(60_000)), "t.lua"); err != nil {
		t.Error(err)
	}
}
