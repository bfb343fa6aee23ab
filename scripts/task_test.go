package scripts

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// epoch is when the virtual clocks of the tests begin.
var epoch = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// advance moves the clock of a test on, a step at a time, and lets tasks run.
func (r *rig) advance(c *VirtualClock, steps int, d time.Duration) {
	r.t.Helper()
	for range steps {
		c.Advance(d)
		if err := r.script.Settle(r.t.Context()); err != nil {
			r.t.Fatal(err)
		}
	}
}

// Code that waits, in all the places where a wait may be.
func TestTasks(t *testing.T) {
	for _, tt := range []struct {
		name, code string
		want       []string
	}{
		{"sleep", `ws76.spawn(function() print(ws76.now()) ws76.sleep(2) print(ws76.now()) end)`, []string{"1577836800", "1577836802"}},
		{"arguments", `ws76.spawn(function(...) ws76.sleep(1) print(select("#", ...), ...) end, 1, nil, 3)`, []string{"3\t1\tnil\t3"}},
		{"functions of the library", `print("of the library")
			local t = ws76.spawn(string.rep, "x", 2)
			ws76.spawn(function() ws76.wait_all({t, ws76.spawn(ws76.sleep, 1)}) print(t:status()) end)
			ws76.spawn(print, "a", nil, "b") ws76.spawn(ws76.print)`, []string{"of the library", "a\tnil\tb", "", "done"}},
		{"pcall", `ws76.spawn(function()
			print(pcall(function(a) ws76.sleep(1) return a, 2 end, 1))
			print(pcall(function() ws76.sleep(1) error("bad", 0) end))
			print(pcall(function() ws76.sleep(1) error({message = "x"}) end))
			print(pcall(pcall, function() ws76.sleep(1) error("in", 0) end))
			print(select("#", pcall(function() end)), select("#", pcall(function() return nil, nil end)))
			print(pcall(5))
		end)`, []string{"true\t1\t2", "false\tbad", "", "true\tfalse\tin", "1\t3", ""}},
		{"xpcall", `ws76.spawn(function()
			print(xpcall(function() ws76.sleep(1) error("bad", 0) end, function(e) return "handled " .. e end))
			print(xpcall(function() ws76.sleep(1) return 1, 2 end, print))
		end)`, []string{"false\thandled bad", "true\t1\t2"}},
		{"coroutines", `ws76.spawn(function()
			local co = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) ws76.sleep(1) local c, d, e = coroutine.yield(b + 1) print(c, d, e) return "end" end)
			print(co(1), co(5), co(7, 8))
			local dead = coroutine.create(function() ws76.sleep(1) error("x", 0) end)
			print(coroutine.resume(dead)) print(coroutine.status(dead)) print(coroutine.resume(dead))
		end)`, []string{"7\t8\tnil", "2\t6\tend", "false\tx", "dead", "false\tcannot resume dead coroutine"}},
		{"few values for many variables", `ws76.spawn(function()
			local a, b, c = ws76.sleep(1) local x = {ws76.sleep(1)} print(a, b, c, #x)
		end)`, []string{"nil\tnil\tnil\t0"}},
		{"yield by itself lets others run", `ws76.spawn(function() print(1) coroutine.yield() print(3) end) ws76.spawn(function() print(2) end)`, []string{"1", "2", "3"}},
		{"wait_all", `ws76.spawn(function()
			local function after(s, v) return ws76.spawn(function() ws76.sleep(s) return v end) end
			local r = ws76.wait_all({after(2, "b"), after(1, "a")})
			print(r[1], r[2], ws76.now())
			print(ws76.wait_all({after(1, 1), ws76.spawn(function() error("failed", 0) end)}))
			print(ws76.wait_all({after(5, 1)}, 1))
			print(#ws76.wait_all({}))
		end)`, []string{"b\ta\t1577836802", "nil\tfailed", "nil\ttimeout", "0"}},
		{"cancel", `local t = ws76.spawn(function() ws76.sleep(1) print("never") end)
			ws76.spawn(function() print(t:status()) t:cancel() print(t:status()) end)`, []string{"waiting", "failed"}},
		{"a waiting iterator", `ws76.spawn(function()
			local n = 0
			for v in function() ws76.sleep(1) n = n + 1 if n < 3 then return n end end do print(v) end
		end)`, []string{"1", "2"}},
		{"loops over tables", `ws76.spawn(function() for i, v in ipairs({1, 2}) do ws76.sleep(1) print(i, v) end for k, v in pairs({x = 1}) do ws76.sleep(1) print(k, v) end end)`, []string{"1\t1", "2\t2", "x\t1"}},
		{"spawn in a task", `ws76.spawn(function() ws76.spawn(function() print("inner") end) print("outer") end)`, []string{"outer", "inner"}},
		{"deep", `ws76.spawn(function()
			local function f(n) if n == 0 then ws76.sleep(1) return 0 end return 1 + f(n - 1) end print(f(500))
			local function g(n) if n == 0 then ws76.sleep(1) return 0 end local _, v = pcall(g, n - 1) return 1 + v end print(g(50))
		end)`, []string{"500", "50"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clock := NewVirtualClock(epoch)
			r := newRig(t, tt.code, Options{Clock: clock})
			r.advance(clock, 1, 0)
			r.advance(clock, 12, time.Second)
			got := r.got(&r.prints)
			if len(got) != len(tt.want) {
				t.Fatalf("printed %q, want %q; logs: %s", got, tt.want, r.got(&r.logs))
			}
			for i, want := range tt.want {
				if want != "" && got[i] != want {
					t.Errorf("line %d: printed %q, want %q", i+1, got[i], want)
				}
			}
			if len(r.got(&r.logs)) > 0 {
				t.Errorf("logged %q", r.got(&r.logs))
			}
		})
	}
}

// Where nothing can wait, an error says so.
func TestWaitsThatCannotBe(t *testing.T) {
	for code, want := range map[string]string{
		`function on_message() ws76.sleep(1) end`:                                                        "ws76.spawn",
		`function on_message(c) c:receive() end`:                                                         "ws76.spawn",
		`function on_message() coroutine.wrap(function() ws76.sleep(1) end)() end`:                       "ws76.spawn",
		`ws76.spawn(function() table.sort({1, 2, 3}, function() ws76.sleep(1) end) end)`:                 "table.sort",
		`ws76.spawn(function() ("x"):gsub("x", function() ws76.sleep(1) end) end)`:                       "string.gsub",
		`ws76.spawn(function() return setmetatable({}, {__index = function() ws76.sleep(1) end}).x end)`: "metamethod",
		`function on_message() ws76.sleep(-1) end`:                                                       "0 or more",
		`function on_message() ws76.every(0, print) end`:                                                 "too short",
		`function on_message() ws76.after(1, 2) end`:                                                     "want a function",
		`function on_message(c) c.send("x") end`:                                                         "conn:send",
		`function on_message(c) c:send({}) end`:                                                          "want a string",
		`function on_message(c) c.x = 1 end`:                                                             "conn.data",
		`function on_message(c) c:join("x") end`:                                                         "ws76 serve",
		`ws76.spawn(function() ws76.connect("ws://x/") end)`:                                             "ws76 run and serve",
	} {
		r := newRig(t, code, Options{})
		r.push("x")
		r.await(code+": "+want, func() bool { return r.logged(want) })
		if !r.logged("test.lua:1:") && want != "metamethod" {
			t.Errorf("%s: logged %q, which names no line", code, r.got(&r.logs))
		}
	}
}

func TestTaskTraceback(t *testing.T) {
	r := newRig(t, "local function inner()\n  ws76.sleep(0)\n  local x = nil\n  x.y = 1\nend\nws76.spawn(function()\n  inner()\n  print(1)\nend)", Options{})
	r.await("the error", func() bool { return r.logged("test.lua:4:") })
	if !r.logged("test.lua:7:") {
		t.Errorf("logged %q, without the caller's line", r.got(&r.logs))
	}
}

func TestTimers(t *testing.T) {
	clock := NewVirtualClock(epoch)
	r := newRig(t, `
ws76.after(3, function() print("three") end)
ws76.after(1, function() print("one") ws76.after(1, function() print("two") end) end)
local h = ws76.every(10, function() print("tick", ws76.clock()) end)
ws76.after(35, function() h:cancel() end)
local g = ws76.after(5, function() print("never") end) g:cancel() g:cancel()
local e e = ws76.every(1, function() e:cancel() print("once") end)`, Options{Clock: clock})
	r.advance(clock, 100, time.Second)
	r.want("prints", &r.prints, "one", "once", "two", "three", "tick\t10", "tick\t20", "tick\t30")
}

// A task misses no message between two receives, and takes only what it waits for.
func TestReceive(t *testing.T) {
	clock := NewVirtualClock(epoch)
	r := newRig(t, `
function on_open(conn)
  if conn.role ~= "server" then return end
  ws76.spawn(function()
    print(conn:receive())
    print(conn:receive())
    print(conn:request("q", {match = "^OK", timeout = 5}))
    print(conn:request("q2", {match = function(d) return d == "yes" end}))
    print(conn:receive(3))
    print(conn:receive())
    print(conn:receive())
  end)
end`, Options{Clock: clock})
	r.push("1", "2", "no", "OK then", "no", "yes", "")
	r.advance(clock, 4, time.Second)
	r.sess.Closed(nil)
	r.await("the end", func() bool { return len(r.got(&r.prints)) == 7 })
	r.want("prints", &r.prints, "1\ttext", "2\ttext", "OK then\ttext", "yes\ttext", "\ttext", "nil\tclosed", "nil\tclosed")
	r.want("to b", &r.toB, "no", "no")
	r.want("to a", &r.toA, "q", "q2")
}

// What timers and tasks send leaves in order, from other goroutines than the
// session's.
func TestSendFromOutside(t *testing.T) {
	clock := NewVirtualClock(epoch)
	r := newRig(t, `
function on_open(c) if c.role == "server" then conn = c end end
local n = 0
ws76.every(1, function() n = n + 1 conn:send("t" .. n) conn:send("u" .. n) end)`, Options{Clock: clock})
	r.advance(clock, 50, time.Second)
	r.await("100 messages", func() bool { return len(r.got(&r.toA)) == 100 })
	got := r.got(&r.toA)
	for i := 0; i < 100; i += 2 {
		if want := lua.LNumber(i/2 + 1).String(); got[i] != "t"+want || got[i+1] != "u"+want {
			t.Fatalf("message %d is %q, %q", i, got[i], got[i+1])
		}
	}
}

// Conn methods return what failed by name.
func TestSendErrors(t *testing.T) {
	r := newRig(t, `
function on_message(c, d)
  print(select(3, c:send("\255")), select(3, c:send("x", "binary")), (c.peer:send("\255", "binary")))
  for i = 1, 2000 do local ok, err, name = c:send("x") if not ok then print(i, name) break end end
  c:close() print(c.open, select(3, c:send("x")), select(3, c:close()))
end
function on_close(c) print(c:close()) end`, Options{})
	r.push("x")
	r.sess.Closed(nil)
	r.want("prints", &r.prints, "utf8\tbinary\ttrue", "1024\tfull", "false\tclosed\tclosed", "nil\tthe connection is closed\tclosed", "nil\tthe connection is closed\tclosed")
}

// Waiting functions of Go, and functions run from outside.
func TestLibraryAndDo(t *testing.T) {
	r := newRig(t, `function good() print(lib.slow(3)) end  function bad() error("no") end`, Options{
		Library: func(L *lua.LState, ws76 *lua.LTable) {
			lib := L.NewTable()
			lib.RawSetString("slow", Waiting(L, func(L *lua.LState) int {
				n := L.CheckInt(1)
				return Wait(L, func(ctx context.Context) func(*lua.LState) int {
					return func(L *lua.LState) int { L.Push(lua.LNumber(n * 2)); L.Push(lua.LTrue); return 2 }
				})
			}))
			L.SetGlobal("lib", lib)
		},
	})
	if err := r.script.Do(t.Context(), "good"); err != nil {
		t.Error(err)
	}
	r.want("prints", &r.prints, "6\ttrue")
	if err := r.script.Do(t.Context(), "bad"); err == nil || !strings.Contains(err.Error(), "test.lua:1: no") {
		t.Errorf("bad: %v", err)
	}
	if err := r.script.Do(t.Context(), "none"); err == nil {
		t.Error("none: no error")
	}
}

// 10 000 timers and 1 000 tasks that wait are no work while nothing is due.
func TestIdle(t *testing.T) {
	r := newRig(t, `
for i = 1, 10000 do ws76.after(1000 + i, print) end
for i = 1, 1000 do ws76.spawn(function() ws76.sleep(1000) end) end`, Options{})
	if err := r.script.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	st := r.script.enter()
	if n, m := len(st.timers), len(st.tasks); n != 11000 || m != 1000 {
		t.Errorf("%d timers, %d tasks", n, m)
	}
	dog, seq := st.dog, r.script.seq
	r.script.leave()
	// The watchdog looks twice after the last call, and then not any more.
	r.await("the watchdog to rest", func() bool { return !dog.armed.Load() })
	r.script.mu.Lock()
	if r.script.seq != seq {
		t.Errorf("%d calls with nothing due", (r.script.seq-seq)/callStep)
	}
	if r.script.bg.active {
		t.Error("a goroutine runs with nothing to do")
	}
	r.script.mu.Unlock()
}

// TestFairness: tasks and timers that spin do not each go before a message: what comes together waits for one of them at most.
func TestFairness(t *testing.T) {
	for _, code := range []string{
		`for i = 1, 50 do ws76.spawn(function() n = n + 1 while true do end end) end`,
		`for i = 1, 50 do ws76.every(0.001, function() n = n + 1 while true do end end) end`,
	} {
		r := newRig(t, "n = 0 function on_message(conn, data) return tostring(n) end "+code, Options{Limits: Limits{Timeout: 500 * time.Millisecond}})
		r.await("a task", func() bool { return r.script.wants.Load() != 0 && r.logged("ran longer") })
		for range 3 {
			r.toB = nil
			r.push("a", "b", "c", "d", "e")
			first, _ := strconv.Atoi(r.got(&r.toB)[0])
			last, _ := strconv.Atoi(r.got(&r.toB)[4])
			if last-first > 1 {
				t.Errorf("%s: %d of them ran between five messages", code, last-first)
			}
		}
		r.stop()
	}
}
