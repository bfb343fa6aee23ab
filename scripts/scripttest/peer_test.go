package scripttest

import (
	"os"
	"strings"
	"testing"

	"github.com/ws76/ws76/scripts"
)

const program = `
local device = assert(ws76.connect(args[1], {timeout = 5}))
assert(device:request("hello", {match = "^welcome"}) == "welcome")
ws76.every(60, function() device:request("ping", {match = "^pong", timeout = 5}) end)
for data in function() return device:receive() end do
  if data == "time" then device:send(tostring(ws76.clock())) end
end
`

const programTests = `
local equal = ws76.test.equal
local function device(got)
  return ws76.test.peer("ws://device.local/", function(conn)
    for data in function() return conn:receive() end do
      table.insert(got, data)
      if data == "hello" then conn:send("welcome") ws76.sleep(5) conn:send("time") end
      if data == "ping" then conn:send("pong") end
    end
    table.insert(got, "closed")
  end)
end
function test_program()
  local got = {}
  device(got)
  local task = ws76.test.run({"ws://device.local/"})
  ws76.test.advance(0)
  equal(got, {"hello"})
  ws76.test.advance(10)
  equal(got, {"hello", "5"})
  ws76.test.advance(115)
  equal(got, {"hello", "5", "ping", "ping"})
  equal(task:status(), "waiting")
end
function test_many_steps()
  local n = 0
  ws76.test.peer("wss://host:1234/x", function(conn) for d in function() return conn:receive() end do n = n + 1 conn:send(d) end end)
  local c = assert(ws76.connect("wss://host:1234/x?q=1", {dialect = "rfc6455"}))
  ws76.every(1, function() for i = 1, 20 do assert(c:request("n" .. i, {match = "^n" .. i .. "$"}) == "n" .. i) end end)
  ws76.test.advance(100)
  equal(n, 2000)
  equal(#ws76.conns(), 1)
end
function test_no_peer()
  local c, why = ws76.connect("ws://nobody/")
  equal(c, nil)
  assert(why:find("ws76.test.peer", 1, true), why)
  assert(select(2, ws76.open("tcp://nobody:1")):find("no such peer", 1, true))
end
function test_peer_goes()
  local p = ws76.test.peer("ws://a/", function(conn) conn:receive() conn:close() end)
  local c = assert(ws76.connect("ws://a/"))
  c:send("x")
  equal({c:receive(5)}, {nil, "closed"})
  p:close()
  equal((ws76.connect("ws://a/")), nil)
end
function test_listen()
  local l = assert(ws76.listen("127.0.0.1:0", function(conn) conn:send(conn:receive():upper()) end))
  local c = assert(ws76.connect("ws://" .. l.addr .. "/"))
  equal((c:request("a")), "A")
end
function test_open()
  ws76.test.peer("serial:///dev/ttyUSB0", function(stream) while true do local line = stream:read_line() if not line then break end stream:write(line:upper() .. "\r\n") end end)
  local s = assert(ws76.open("serial:///dev/ttyUSB0"))
  s:write("at\r\n")
  equal((s:read_line(5)), "AT")
  local before = ws76.clock()
  local waits = ws76.spawn(function() return select(2, s:read_line(5)) end)
  ws76.test.advance(6)
  equal(ws76.wait_all({waits}), {"timeout"})
  s:close()
end
function test_program_fails()
  ws76.test.run({"ws://nobody/"})
  ws76.test.advance(0)
end
function test_exit()
  ws76.spawn(function() pcall(ws76.exit, 3) error("goes on") end)
  ws76.test.advance(1)
  equal(ws76.test.exit_code, 3)
end
function test_peer_twice()
  device({}) device({})
end
`

func TestPeers(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"program.lua": program, "program_test.lua": programTests} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"test_program": "", "test_many_steps": "", "test_no_peer": "", "test_peer_goes": "", "test_listen": "", "test_open": "", "test_exit": "",
		"test_program_fails": "the test has no such peer", "test_peer_twice": "there is a peer for ws://device.local/ already",
	} {
		err := Test(t.Context(), "program_test.lua", name, scripts.Options{})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
