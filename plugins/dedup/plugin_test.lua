function test_drops_what_repeats_the_last_message()
  local c = ws76.test.conn()
  for _, m in ipairs({ "a", "a", "b", "a", "a" }) do c:message(m) end
  assert(table.concat(c.passed, " ") == "a b a", table.concat(c.passed, " "))
  c:message("a", "binary")
  assert(#c.passed == 4, "another kind is another message")
end

function test_window()
  options.window = 5
  local c = ws76.test.conn()
  c:message("a") c:message("b") c:message("a")
  assert(#c.passed == 2)
  ws76.test.advance(6)
  c:message("a")
  assert(#c.passed == 3)
end

function test_remembers_no_more_than_it_may()
  options.window, options.keep = 60, 3
  local c = ws76.test.conn()
  for _, m in ipairs({ "a", "b", "c", "d", "b", "a" }) do c:message(m) end
  assert(table.concat(c.passed, " ") == "a b c d a", table.concat(c.passed, " "))
end

function test_key()
  options.key = [["id":(\d+)]]
  local c = ws76.test.conn()
  c:message('{"id":1,"t":1}') c:message('{"id":1,"t":2}') c:message('{"id":2,"t":2}') c:message("x") c:message("x")
  assert(#c.passed == 4)
end
