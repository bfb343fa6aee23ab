-- ws76 script test plugin_test.lua
function test_marks_what_comes_in()
  local c = ws76.test.conn()
  assert(c:message("hi")[1] == options.mark .. "hi")
end
