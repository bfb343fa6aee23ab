package scripts

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
)

// Who gets what comes in, where several tasks wait.
func TestWaiters(t *testing.T) {
	// A peer that sends what it is told to: "say TEXT" and "flood N"; not for "quiet".
	const peer = `local l = assert(ws76.listen("127.0.0.1:0", function(c)
  for d in function() return c:receive() end do
    for i = 1, tonumber(d:match("^flood (%d+)") or 0) do while not c:send("n" .. i) do ws76.sleep(0.001) end end
    if d ~= "quiet" then c:send(d:match("say (.*)") or "done") end
  end
end))
local c = assert(ws76.connect("ws://" .. l.addr .. "/"))
`
	const end = "\nc:close() l:close()"
	for _, tt := range []struct {
		name, code string
		want       []string
	}{
		{"a match beside receive", peer + `
local r = ws76.spawn(function() print("receive", c:receive(5)) end)
ws76.sleep(0)
print("request", c:request("say OK 1", {match = "^OK"}))
c:send("say other")
ws76.wait_all({r})` + end, []string{"request\tOK 1\ttext", "receive\tother\ttext"}},
		{"a match behind a plain request", peer + `
local r = ws76.spawn(function() print("plain", c:request("quiet", {timeout = 5})) end)
local m = ws76.spawn(function() print("match", c:request("say OK b", {match = "^OK"})) end)
ws76.wait_all({m}) c:send("say done") ws76.wait_all({r})` + end, []string{"match\tOK b\ttext", "plain\tdone\ttext"}},
		{"matches, in turn", peer + `
local function ask() return c:request("say OK", {match = function(d) return d == "OK" end}) end
local r = ws76.wait_all({ws76.spawn(ask), ws76.spawn(ask)})
print(r[1], r[2])` + end, []string{"OK\tOK"}},
		{"matches that fail", peer + `
print(c:request("say OK", {match = "[", timeout = 30}))
print(c:request("say OK", {match = function() error("oops", 0) end, timeout = 30}))
local r = ws76.spawn(function() print("receive", c:receive(5)) end)
ws76.sleep(0)
print("request", c:request("say OK", {match = "%", timeout = 30}))
ws76.wait_all({r})` + end, []string{"nil\tconn:request: match: malformed pattern (missing ']')\terror", "nil\tconn:request: match: oops\terror",
			"receive\tOK\ttext", "request\tnil\tconn:request: match: malformed pattern (ends with '%')\terror"}},
		{"two that take any", peer + `
local function receive() return c:receive() end
local function request() return c:request("quiet") end
for _, two in ipairs({{receive, receive}, {receive, request}, {request, receive}, {request, request}}) do
  local a = ws76.spawn(two[1])
  ws76.sleep(0)
  local b = ws76.spawn(two[2])
  print((select(2, ws76.wait_all({b})):gsub("task %d+", "task N"):gsub("^p.lua:%d+: ", ""):gsub(";.*", "")))
  c:send("say end") ws76.wait_all({a})
end` + end, []string{
			"conn:receive: another task (task N, in conn:receive) waits for any message of this connection already",
			"conn:request without match: another task (task N, in conn:receive) waits for any message of this connection already",
			"conn:receive: another task (task N, in conn:request) waits for any message of this connection already",
			"conn:request without match: another task (task N, in conn:request) waits for any message of this connection already",
		}},
		{"an answer behind more than fits", peer + `
print(c:request("flood 100", {match = "^done"}))
print(c:receive())
local n = 1
while c:receive(0.1) do n = n + 1 end
print(n)` + end, []string{"done\ttext", "n93\ttext", "8"}},
		{"any message behind more than fits", peer + `
c:send("flood 100") ws76.sleep(0.1)
print(c:request("say x", {timeout = 5}) ~= nil)` + end, []string{"true"}},
		{"accept, in turn", `
local l = assert(ws76.listen("127.0.0.1:0"))
local function accept(name) print(name, l:accept(5).path) end
local tasks = {ws76.spawn(accept, "first"), ws76.spawn(accept, "second")}
ws76.sleep(0)
assert(ws76.connect("ws://" .. l.addr .. "/a")):close()
ws76.wait_all({tasks[1]})
assert(ws76.connect("ws://" .. l.addr .. "/b")):close()
ws76.wait_all(tasks) l:close()`, []string{"first\t/a", "second\t/b"}},
		{"accept beside hooks", `
function on_message(c) c:close() return false end
local l = assert(ws76.listen("127.0.0.1:0"))
l:accept(0)
assert(ws76.connect("ws://" .. l.addr .. "/a"))
ws76.sleep(0.05)
print(l:accept(5).path) ws76.exit()`, []string{"/a"}},
		{"accept beside a function", `
local l = assert(ws76.listen("127.0.0.1:0", function() end))
print(select(2, pcall(l.accept, l)):match("each connection of this listener has a task of its own") ~= nil)
l:close()`, []string{"true"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{Limits: Limits{MaxQueue: 8}}
			network(&o)
			r, err := runProgramWith(t, tt.code, o)
			if _, exit := err.(*ExitError); err != nil && !exit {
				t.Fatalf("%v; logs %q", err, r.got(&r.logs))
			}
			r.want("prints", &r.prints, tt.want...)
		})
	}
}

// The same on a connection that the script was given.
func TestWaitersOfHooks(t *testing.T) {
	r := newRig(t, `function on_open(c)
  if c.role ~= "server" then return end
  ws76.spawn(function() print("receive", c:receive()) end)
  ws76.spawn(function() print("request", c:request("ask", {match = "^OK"})) end)
  ws76.spawn(function() print(pcall(c.receive, c)) end)
end`, Options{})
	for _, text := range []string{"OK 1", "any", "passed"} {
		if err := r.sink(relay.AToB, core.Message{Data: []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
	got := strings.Join(r.got(&r.prints), "\n")
	for _, want := range []string{"request\tOK 1", "receive\tany", "waits for any message"} {
		if !strings.Contains(got, want) {
			t.Errorf("printed %q, want %q in it", got, want)
		}
	}
}

// A task that reads a stream and is cancelled, or waits for too long, takes nothing with it.
func TestWaitersOfStreams(t *testing.T) {
	ours, theirs := net.Pipe()
	tried := make(chan struct{})
	go func() {
		io.WriteString(theirs, "one\n")
		<-tried
		io.WriteString(theirs, "two\nthree")
	}()
	t.Cleanup(func() { theirs.Close() })
	r, err := runProgramWith(t, `
local s = assert(ws76.open("x"))
print(s:read_line(1))
local function line() return s:read_line() end
local a = ws76.spawn(line)
local b = ws76.spawn(function() print((select(2, pcall(s.read, s, 1)):gsub("task %d+", "task N"):gsub("^p.lua:%d+: ", ""))) ws76.open("tried") end)
ws76.wait_all({a, b})
local late = ws76.spawn(line)
ws76.sleep(0)
late:cancel()
print(s:read_line(0.01))
print(s:read(5, 1), s:read(1, 0))
s:close()`, Options{Open: func(_ context.Context, name string) (net.Conn, error) {
		if name == "tried" {
			close(tried)
			return nil, io.EOF
		}
		return ours, nil
	}})
	if err != nil {
		t.Fatalf("%v; logs %q", err, r.got(&r.logs))
	}
	r.want("prints", &r.prints, "one", "stream:read: another task (task N) does that on this stream already", "nil\ttimeout", "three\tnil\ttimeout")
}
