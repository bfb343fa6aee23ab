package scripts

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
)

// network lets a program dial, listen and open on the loopback interface.
func network(o *Options) {
	o.Dial = func(ctx context.Context, url string, d DialOptions) (*core.Conn, error) {
		return core.Dial(ctx, url, &core.DialOptions{Dialect: d.Dialect, Header: d.Headers})
	}
	o.Listen = func(ctx context.Context, addr string) (net.Listener, error) { return net.Listen("tcp", addr) }
	o.Open = func(ctx context.Context, addr string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", addr)
	}
}

// runProgram runs code to its end.
func runProgram(t *testing.T, code string) (*rig, error) {
	t.Helper()
	var o Options
	network(&o)
	return runProgramWith(t, code, o)
}

// runProgramWith is for programs whose peers may not have read all when they end.
func runProgramWith(t *testing.T, code string, o Options) (*rig, error) {
	t.Helper()
	r, err := runToEnd(t, code, o)
	if _, lost := err.(*UndeliveredError); lost {
		err = nil
	}
	return r, err
}

func runToEnd(t *testing.T, code string, o Options) (*rig, error) {
	t.Helper()
	path := t.TempDir() + "/p.lua"
	writeFile(t, path, code)
	r := &rig{t: t, news: make(chan struct{}, 1)}
	r.options(&o)
	s, err := LoadTask(path, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return r, s.Run(ctx)
}

// Programs with a server and a client in one.
func TestPrograms(t *testing.T) {
	for _, tt := range []struct {
		name, code string
		want       []string
	}{
		{"request", `
local l = assert(ws76.listen("127.0.0.1:0", function(c) for d in function() return c:receive() end do while not c:send("re " .. d) and c.open do ws76.sleep(0.001) end end end))
local c = assert(ws76.connect("ws://" .. l.addr .. "/p?q", {dialect = "rfc6455", headers = {["X-Test"] = "1"}}))
print(c.role, c.dialect, c.path, c:request("a"), c:request("b", {match = "b$"}))
print(c:receive(0.01))
for i = 1, 3000 do while not c:send("n" .. i) do ws76.sleep(0.001) end end
for i = 1, 3000 do local d = c:receive() if d ~= "re n" .. i then print(i, d) break end end
print(c:stats().messages_in > 2)
c:close() print(c:receive()) print(c:receive()) l:close()`, []string{"client\trfc6455\t/p?q\tre a\tre b\ttext", "nil\ttimeout", "true", "nil\tclosed", "nil\tclosed"}},
		{"hooks", `
function on_handshake(c, req) if req.path == "/no" then return {status = 403} end end
function on_open(c) print("open " .. c.role) end
function on_message(c, d) if c.role == "server" then c:send(d:upper()) return false end end
function on_close(c, i) print("close " .. c.role .. " " .. tostring(i.clean)) end
local l = assert(ws76.listen("127.0.0.1:0"))
print((select(2, ws76.connect("ws://" .. l.addr .. "/no")):find("403") ~= nil))
local c = assert(ws76.connect("ws://" .. l.addr .. "/"))
c:send("x")
print("received", ws76.conns()[1].role ~= nil)
c:close() ws76.sleep(0.2) l:close()`, nil},
		{"accept", `
local l = assert(ws76.listen("127.0.0.1:0"))
print(l:accept(0.01))
local c = assert(ws76.connect("ws://" .. l.addr .. "/"))
local s = assert(l:accept(5))
c:send("early") c:close()
print(s:receive(5)) print(s:receive(5))
l:close() print(l:accept())`, []string{"nil\ttimeout", "early\ttext", "nil\tclosed", "nil\tclosed"}},
		{"refused", `print(ws76.connect("ws://127.0.0.1:1/") == nil) print((pcall(ws76.connect, "ws://x/", {nothing = 1})))`, []string{"true", "false"}},
		{"exit in pcall", `pcall(function() ws76.exit(0) end) print("never")`, []string{}},
		{"what is open at the end", `l = ws76.listen("127.0.0.1:0") c = ws76.connect("ws://" .. l.addr .. "/") print("end") ws76.exit(0)`, []string{"end"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := runProgram(t, tt.code)
			if _, exit := err.(*ExitError); err != nil && !exit {
				t.Fatalf("%v; logs %q, prints %q", err, r.got(&r.logs), r.got(&r.prints))
			}
			if tt.want != nil {
				r.want("prints", &r.prints, tt.want...)
			} else if got := strings.Join(r.got(&r.prints), ","); strings.Count(got, "open") != 2 || strings.Count(got, "close") != 2 {
				t.Errorf("prints %q, logs %q", got, r.got(&r.logs))
			}
		})
	}
}

func TestProgramErrors(t *testing.T) {
	_, err := runProgram(t, "local x = 1\nws76.sleep(0)\nerror('oops')")
	if e, ok := err.(*Error); !ok || e.Text != "p.lua:3: oops" {
		t.Errorf("got %v", err)
	}
	_, err = runProgram(t, "ws76.spawn(function() ws76.exit(7) end) ws76.sleep(100)")
	if e, ok := err.(*ExitError); !ok || e.Code != 7 {
		t.Errorf("got %v", err)
	}
	_, err = runProgram(t, "while true do end")
	if e, ok := err.(*Error); !ok || !strings.Contains(e.Text, "ran longer") {
		t.Errorf("got %v", err)
	}
}

// TestHooksOfOwned: the hooks see the connections that a script makes itself, as docs/scripting.md says, in programs and beside
// the connections of a command.
func TestHooksOfOwned(t *testing.T) {
	const code = `
for _, e in ipairs({"handshake", "open", "message", "send", "frame", "close", "error"}) do
  _G["on_" .. e] = function(c, d)
    ws76.print(e, c.role, type(d) == "string" and d or nil)
    if d == "to server" then c:send("to client") elseif d == "to client" then c:close() end
  end
end
ws76.spawn(function()
  local l = assert(ws76.listen("127.0.0.1:0"))
  local c = assert(ws76.connect("ws://" .. l.addr .. "/"))
  ws76.print("connected")
  c:send("to server")
  while #ws76.conns() > 0 do ws76.sleep(0.01) end
  l:close()
  ws76.print("end")
end)`
	want := []string{
		"handshake\tserver\tnil", "open\tclient\tnil", "connected", "open\tserver\tnil", "message\tserver\tto server",
		"message\tclient\tto client", "close\tserver\tnil", "close\tclient\tnil", "end",
	}
	check := func(what string, r *rig) {
		t.Helper()
		got := r.got(&r.prints)
		at := func(line string) int { return slices.Index(got, line) }
		if a, b := slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want)); !slices.Equal(a, b) || at(want[1]) > at("connected") || at(want[3]) > at(want[4]) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	r, err := runProgram(t, code)
	if err != nil {
		t.Fatal(err, r.got(&r.prints), r.got(&r.logs))
	}
	check("a program", r)
	r = &rig{t: t, news: make(chan struct{}, 1)}
	var o Options
	network(&o)
	r.options(&o)
	if r.script, err = Eval("test.lua", code, o); err != nil {
		t.Fatal(err)
	}
	r.script.Start()
	defer r.stop()
	r.await("the end", func() bool { return slices.Contains(r.got(&r.prints), "end") })
	check("a script beside a command's connections", r)
}
