package check

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

var known = &Known{
	Hooks:   []string{"on_message", "on_send", "on_open"},
	Globals: []string{"_G", "ws76", "print", "pairs", "string"},
	Module:  []string{"ws76.json.encode", "ws76.json.decode", "ws76.after", "ws76.kv.get", "ws76.state", "ws76.connect", "ws76.listen"},

	Classes: map[string]map[string]string{"ws76.Conn": {"send": "", "close": "", "remote": "string", "peer": "ws76.Conn", "data": ""}},
	Results: map[string]string{"ws76.connect": "ws76.Conn"},
	Params:  map[string][]string{"on_message": {"ws76.Conn", "string", ""}, "ws76.listen": {"ws76.Conn"}},
	Options: map[string]map[int][]string{"ws76.connect": {1: {"via", "timeout"}}, "ws76.Conn.send": {1: {"kind"}}},
}

func TestScript(t *testing.T) {
	for _, test := range []struct {
		src      string
		hooks    string
		problems []string
	}{
		{"function on_message(c, d) return d end\non_send = function() end", "[{on_message 1} {on_send 2}]", nil},
		{"function on_mesage() end", "[]", []string{"1: there is no hook on_mesage, so nothing calls it; did you mean on_message?"}},
		{"on_message = filter('x') _G.on_send = filter function filter() end", "[{on_message 1} {on_send 1}]", nil},
		{"onMessage = function() end _G.on_x = 1 on_off = true function _G.on_recieve() end", "[]", []string{
			"1: there is no hook onMessage, so nothing calls it; did you mean on_message?", "1: there is no hook on_recieve, so nothing calls it",
		}},
		{"plugin = {} function plugin.on_message() end function plugin:on_send() end ws76.on_open = print", "[]", []string{
			"1: there is no hook plugin.on_message, so nothing calls it; did you mean on_message?",
			"1: there is no hook plugin.on_send, so nothing calls it; did you mean on_send?", "1: there is no hook ws76.on_open, so nothing calls it; did you mean on_open?",
		}},
		{"local function on_open() end", "[]", []string{"1: on_open is local, so nothing calls it; leave out local"}},
		{"local fail = 'drop'", "[]", []string{"1: " + LocalFail}},
		{"local fail, other = 1, 'drop' fail = other", "[]", nil},
		{"x = 1\nprint(x, y)\nprnt(1)", "[]", []string{`2: undefined global "y"`, `3: undefined global "prnt"; did you mean print?`}},
		{"local function f(a, ...) local b = a; return f(b, ...) end for i = 1, 2 do print(i) end for k, v in pairs({}) do print(k, v) end", "[]", nil},
		{"do local a end print(a)", "[]", []string{`1: undefined global "a"`}},
		{"repeat local a until a", "[]", nil},
		{"function later() return now() end function now() end", "[]", nil},
		{"local t = {} function t:m() return self.x end function t.f() return self end", "[]", []string{`1: undefined global "self"`}},
		{"ws76.json.encode(1) ws76.jsn.encode(1) ws76.json.encod(1) ws76.kv:gte('a') ws76.state.mine = 1 ws76.afer(1)", "[]", []string{
			"1: there is no ws76.jsn.encode; did you mean ws76.json.encode?", "1: there is no ws76.json.encod; did you mean ws76.json.encode?",
			"1: there is no ws76.kv.gte; did you mean ws76.kv.get?", "1: there is no ws76.afer; did you mean ws76.after?",
		}},
		{"local ws76 = {} ws76.anything()", "[]", nil},
		{"function test_a() end", "[]", nil},
		{"function on_message(c, d) c:sned(d) c.peer:clsoe() return c.remot, d:uper() end", "[{on_message 1}]", []string{
			"1: a ws76.Conn has no method sned; did you mean send?", "1: a ws76.Conn has no method clsoe; did you mean close?",
			"1: a ws76.Conn has no field remot; did you mean remote?", "1: a string has no method uper; did you mean upper?",
		}},
		{"on_message = function(c) c:sned() end", "[{on_message 1}]", []string{"1: a ws76.Conn has no method sned; did you mean send?"}},
		{"ws76.listen('x', function(c) c:sned() end)", "[]", []string{"1: a ws76.Conn has no method sned; did you mean send?"}},
		{"local c = ws76.connect('x') c:sned() c.data.x = 1 c = {} c:other()", "[]", []string{"1: a ws76.Conn has no method sned; did you mean send?"}},
		{"local c = {} c:other() c = ws76.connect('x') c:sned()", "[]", nil},
		{"ws76.json('x')", "[]", []string{"1: ws76.json is a table and cannot be called; in it are decode, encode"}},
		{"local s = ('x'):rep(2):uper() print(s:len(), string.lenn(s))", "[]", []string{"1: a string has no method uper; did you mean upper?", "1: a string has no field lenn; did you mean len?"}},
		{"function string.trim(s) return s end print((' x'):trim(), string.trim('x'))", "[]", nil},
		{"fail = 'dorp'", "[]", []string{`1: fail is "dorp"; want drop or close; did you mean drop?`}},
		{"ws76.fail = 'drop' ws76.fial = 'close' ws76.mode = 'drop' other.fail = 'drop'", "[]", []string{`1: nothing looks at ws76.fail; did you mean fail?`, `1: nothing looks at ws76.fial; did you mean fail?`, `1: there is no ws76.mode; did you mean ws76.after?`, `1: undefined global "other"`}},
		{"local ws76 = {} ws76.fail = 'drop' _G.fial = 'drop' _G.fail = 'close'", "[]", []string{"1: nothing looks at fial; did you mean fail?"}},
		{"_G.fail = 'dorp'", "[]", []string{`1: fail is "dorp"; want drop or close; did you mean drop?`}},
		{"fial = 'drop' fail = 'close' mode = 'drop' local fial = 'drop'", "[]", []string{"1: nothing looks at fial; did you mean fail?"}},
		{"ws76.connect('x', {timeout = 1, ['via'] = 2, [1] = 3, [k()] = 4, 5}) function k() end", "[]", nil},
		{"local c = ws76.connect('x',\n{timeoutt = 1}) c:send('x', {knid = 1}) x.y:send('x', {knid = 1})\nx = {}", "[]", []string{
			"2: ws76.connect looks at no timeoutt; it knows via, timeout; did you mean timeout?", "2: ws76.Conn.send looks at no knid; it knows kind; did you mean kind?",
		}},
		{"local string = {} print(string.anything)", "[]", nil},
		{"local o =\n{timeoutt = 1}\nws76.connect('x', o)", "[]", []string{"2: ws76.connect looks at no timeoutt; it knows via, timeout; did you mean timeout?"}},
		{"local n, o = 1, {timeoutt = 1} function on_open(c) ws76.connect('x', o) print(o.via) end", "[{on_open 1}]", []string{"1: ws76.connect looks at no timeoutt; it knows via, timeout; did you mean timeout?"}},
		{"local o = {timeoutt = 1} o.timeoutt = nil ws76.connect('x', o)", "[]", nil},
		{"local o = {timeoutt = 1} ws76.connect('x', o) local function later() o.via.x = 1 end", "[]", nil},
		{"local o = {timeoutt = 1} o = {} ws76.connect('x', o)", "[]", nil},
		{"local o = {timeoutt = 1} print(o) ws76.connect('x', o)", "[]", nil},
		{"local o = {timeoutt = 1} function o.f() end ws76.connect('x', o)", "[]", nil},
		{"local o = {timeoutt = 1} do local o = {} ws76.connect('x', o) end for o = 1, 2 do ws76.connect('x', o) end", "[]", nil},
		{"local o = {timeoutt = 1} local o = f() ws76.connect('x', o) function f() end", "[]", nil},
	} {
		r, err := Script([]byte(test.src), "t.lua", known)
		if err != nil {
			t.Errorf("%s: %v", test.src, err)
			continue
		}
		var problems []string
		for _, p := range r.Problems {
			problems = append(problems, fmt.Sprintf("%d: %s", p.Line, p.Message))
		}
		slices.Sort(problems)
		slices.Sort(test.problems)
		if got := fmt.Sprint(r.Hooks); got != test.hooks || !slices.Equal(problems, test.problems) {
			t.Errorf("%s:\nhooks %s, want %s\nproblems %q\nwant     %q", test.src, got, test.hooks, problems, test.problems)
		}
	}
	if _, err := Script([]byte("x = = 1"), "t.lua", known); err == nil || err.Error() != "t.lua:1: unexpected symbol near '='" {
		t.Errorf("a bad source: %v", err)
	}
}

// What is very long is looked at in time and memory in proportion to it.
func TestLong(t *testing.T) {
	for _, src := range []string{
		"local a = {} return a" + strings.Repeat(".b", 100_000),
		"return ws76" + strings.Repeat(".b", 100_000),
		"local a = {} return a" + strings.Repeat(":b()", 100_000),
		"return 1" + strings.Repeat("+1", 100_000),
		"local x if x then " + strings.Repeat("elseif x then ", 30_000) + " end",
	} {
		before := debug.SetMaxStack(1 << 20)
		_, err := Script([]byte(src), "t.lua", known)
		debug.SetMaxStack(before)
		if err != nil {
			t.Errorf("%.20s: %v", src, err)
		}
	}
}
