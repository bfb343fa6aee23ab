function test_burst_then_rate()
  local c = ws76.test.conn()
  for i = 1, 25 do c:message("m" .. i) end
  assert(#c.passed == 20, #c.passed)
  ws76.test.advance(1)
  for i = 1, 25 do c:message("n" .. i) end
  assert(#c.passed == 30, #c.passed)
  assert(c.passed[21] == "n1")
end

function test_each_connection_has_its_own()
  local a, b = ws76.test.conn(), ws76.test.conn()
  for i = 1, 25 do a:message("m") end
  assert(b:message("hello")[1] == "hello")
  assert(#a:deliver("x") == 1, "the other direction is free")
end
