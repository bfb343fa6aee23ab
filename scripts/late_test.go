package scripts

import (
	"runtime"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// Tables that are filled when they are used first look to scripts as if they were full.
func TestLateTables(t *testing.T) {
	for _, name := range []string{"string", "math", "table", "coroutine", "os", "io", "debug", "ws76"} {
		for _, code := range []string{
			`local n = 0 for k in pairs(T) do n = n + 1 end assert(n > 3)`,
			`assert(next(T))`,
			`local k = next(T) assert(rawget(T, k) ~= nil)`,
			`assert(getmetatable(T) == nil)`,
			`T.mine = 1 assert(T.mine == 1) local n = 0 for k in pairs(T) do n = n + 1 end assert(n > 3)`,
			`rawset(T, "mine", 1) local n = 0 for k in pairs(T) do n = n + 1 end assert(n > 3 and T.mine == 1)`,
			`setmetatable(T, {__index = function() return "none" end}) assert(T.nothing == "none") local n = 0 for k in pairs(T) do n = n + 1 end assert(n > 3)`,
			`assert(T.nothing == nil and T[1] == nil)`,
			`assert(require("NAME") == T)`,
		} {
			code = strings.NewReplacer("T.", name+".", "T)", name+")", "T,", name+",", "T[", name+"[", "NAME", name, "== T", "== "+name).Replace(code)
			s, err := Eval("late.lua", code, Options{})
			if err != nil {
				t.Errorf("%s: %v", code, err)
				continue
			}
			s.Stop(t.Context(), "")
		}
	}
	for _, code := range []string{
		`math.floor = function() return "mine" end assert(math.sqrt(4) == 2 and math.floor(1.5) == "mine")`,
		`string.upper = function() return "mine" end assert(("x"):upper() == "mine" and ("X"):lower() == "x")`,
		`assert(("abc"):len() == 3)`,
		`assert(coroutine.wrap(function() return ("x"):rep(2) end)() == "xx")`,
	} {
		s, err := Eval("late.lua", code, Options{})
		if err != nil {
			t.Errorf("%s: %v", code, err)
			continue
		}
		s.Stop(t.Context(), "")
	}
}

// An index far behind the end of a list is refused before the list is made in a hook of messages, and goes elsewhere.
func TestFarIndex(t *testing.T) {
	const set = `local t = {} t[4e6] = 1 assert(#t == 4e6 and t[4e6] == 1 and t[3e6] == nil)`
	s, err := Eval("far.lua", set, Options{Limits: Limits{Timeout: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	s.Stop(t.Context(), "")
	for _, code := range []string{
		set, `local t = {} rawset(t, 4e6, 1)`, `local t = {} table.insert(t, 4e6, 1)`, `local t = {[4e6] = 1}`,
		`local t = {} for i = 1, 100 do t[i] = i end t[4e6] = 1`, `local t = setmetatable({}, {}) t[4e6] = 1`,
	} {
		r := newRig(t, "function on_message(c, d) "+code+" end", Options{OnError: Drop, Limits: Limits{Timeout: time.Minute}})
		r.push("x")
		if got := strings.Join(r.got(&r.logs), " "); !strings.Contains(got, "more than the limit of 6144 KiB of memory") {
			t.Errorf("%s: logged %q", code, got)
		}
		r.stop()
	}
	r := newRig(t, `function on_message(c, d)
		local proxy, set = {}, nil
		setmetatable(proxy, {__newindex = function(t, k, v) set = k end})
		proxy[4e6] = 1
		local t = {}
		t[4e6] = nil -- nothing
		t[6e7 + 0.5], t[7e7], t[-4e6] = 1, 2, 3 -- none is in the list
		for i = 1, 3e5 do t[i] = i end
		return set .. " " .. #t .. " " .. t[3e5] .. " " .. t[7e7]
	end`, Options{Limits: Limits{Timeout: time.Minute}})
	r.push("x")
	if got := strings.Join(r.got(&r.toB), " "); got != "4000000 300000 300000 2" {
		t.Errorf("got %q, logged %q", got, r.got(&r.logs))
	}
	r.stop()
}

// A call ends for the memory that its script holds, not for what others take while it runs.
func TestMemoryOfOthers(t *testing.T) {
	var others []byte
	o := Options{OnError: Drop, Limits: Limits{MaxMemory: 32 << 20, Timeout: time.Minute}, Library: func(L *lua.LState, ws76 *lua.LTable) {
		ws76.RawSetString("others", L.NewFunction(func(L *lua.LState) int {
			others = make([]byte, 64<<20)
			return 0
		}))
	}}
	r := newRig(t, `function on_message(c, d)
		if d == "mine" then
			local t = {}
			for i = 1, 1e6 do t[i] = {} end
		end
		for i = 1, 3e4 do end
		ws76.others()
		for i = 1, 3e4 do end
		return "done"
	end`, o)
	r.push("theirs")
	if got := strings.Join(r.got(&r.toB), " "); got != "done" {
		t.Errorf("got %q, logged %q", got, r.got(&r.logs))
	}
	r.push("mine")
	if got := strings.Join(r.got(&r.logs), " "); !strings.Contains(got, "took more than the limit of 32 MiB of memory") {
		t.Errorf("logged %q", got)
	}
	runtime.KeepAlive(others)
}
