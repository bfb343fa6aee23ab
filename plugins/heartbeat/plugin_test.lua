function test_sends_only_while_nothing_else_is_sent()
  local c = ws76.test.conn()
  ws76.test.advance(29)
  c:deliver("data")
  ws76.test.advance(29)
  assert(#c.sent == 1, "a heartbeat too early")
  ws76.test.advance(10)
  assert(#c.sent == 2 and c.sent[2] == "ping")
  ws76.test.advance(60)
  assert(#c.sent == 3 or #c.sent == 4)
end

function test_messages_pass()
  local c = ws76.test.conn()
  assert(c:message("x")[1] == "x" and c:deliver("y")[1] == "y")
end
