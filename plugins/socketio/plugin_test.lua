local function client(path) return ws76.test.conn({ role = "client", path = path or "/socket.io/1/websocket/abc" }) end

local function connected()
  local c = client()
  assert(#c:message("1::") == 0)
  return c
end

function test_waits_for_connect()
  local c = client()
  assert(#c:deliver("early") == 0)
  c:message("1::")
  assert(c.sent[1] == "3:::early")
  assert(c:deliver("late")[1] == "3:::late")
end

function test_lines_become_packets()
  local c = connected()
  for line, want in pairs({
    ["hi: there"] = "3:::hi: there",
    ['{"name":"news","args":[1,"a"]}'] = '5:::{"name":"news","args":[1,"a"]}',
    ['{"name":"q","id":7}'] = '5:7+::{"name":"q","id":7}',
    ['{"ack":3,"args":["ok"]}'] = '6:::3+["ok"]',
    ['{"ack":3}'] = "6:::3",
    ['{"a":1}'] = '4:::{"a":1}',
    ["[1,2]"] = "4:::[1,2]",
    ["{no json"] = "3:::{no json",
    ["ü"] = "3:::ü",
  }) do
    local got = c:deliver(line)[1]
    assert(got == want, line .. ": " .. tostring(got))
  end
end

function test_packets_become_lines()
  local c = connected()
  for data, want in pairs({
    ["3:::a:b::c"] = "a:b::c",
    ["3::"] = "",
    ['4:::{"a":"b"}'] = '{"a":"b"}',
    ['5:::{"name":"tobi","args":[]}'] = '{"name":"tobi","args":[]}',
    ['5:1+::{"name":"tobi"}'] = '{"id":1,"name":"tobi"}',
    ['5::/chat:{"name":"x"}'] = '{"endpoint":"/chat","name":"x"}',
    ['6:::4+["A","B"]'] = '{"ack":4,"args":["A","B"]}',
    ["6:::140"] = '{"ack":140}',
  }) do
    local got = c:message(data)[1]
    assert(got == want, data .. ": " .. tostring(got))
  end
  for _, data in ipairs({ "1::/chat", "8::", "nonsense", "9::", "3" }) do assert(#c:message(data) == 0, data) end
end

function test_heartbeats_are_answered()
  local c = connected()
  assert(#c:message("2::") == 0 and c.sent[1] == "2::")
end

function test_plain_ids_are_acknowledged()
  local c = connected()
  assert(c:message("3:5::hello")[1] == "hello" and c.sent[1] == "6:::5")
  c:message('5:6+::{"name":"x"}')
  assert(#c.sent == 1, "an ack with data is the application's")
  options.ack = true
  assert(c:message('5:7+::{"name":"x"}')[1] == '{"name":"x"}' and c.sent[2] == "6:::7")
end

function test_silent_server()
  ws76.state.sessions = { abc = { endpoint = "", heartbeat = 60 } }
  local c = connected()
  ws76.test.advance(59)
  c:message("2::")
  ws76.test.advance(59)
  assert(c.conn.open)
end

function test_namespace()
  ws76.state.sessions = { abc = { endpoint = "/chat" } }
  local c = client()
  c:deliver("x")
  c:message("1::")
  assert(#c.sent == 1 and c.sent[1] == "1::/chat")
  c:message("1::/chat")
  assert(c.sent[2] == "3::/chat:x")
  assert(c:message('5::/chat:{"name":"x"}')[1] == '{"name":"x"}')
  assert(c:message('5:::{"name":"x"}')[1] == '{"endpoint":"","name":"x"}')
end

function test_event_option()
  options.event = "say"
  local c = connected()
  assert(c:deliver("hi")[1] == '5:::{"args":["hi"],"name":"say"}')
  assert(c:deliver('{"a":1}')[1] == '5:::{"name":"say","args":[{"a":1}]}')
end

function test_servers_are_left_alone()
  local c = ws76.test.conn({ role = "server" })
  assert(c:message("2::")[1] == "2::" and c:deliver("x")[1] == "x")
end
