-- Tests of NAME.lua, when this file is called NAME_test.lua and lies beside it.
--
-- usage: ws76 script test NAME_test.lua

local equal = ws76.test.equal -- tables are compared by what is in them

-- Each function test_* runs with the hooks of NAME.lua in a script of its own.
function test_digits_are_masked()
  local c = ws76.test.conn()                       -- on_open runs
  equal(c:message("card 1234 5678"), {"card **** ****"}) -- on_message runs; what it let through
end

function test_secrets_are_dropped()
  local c = ws76.test.conn()
  equal(c:message("the secret word"), {})
  equal(c.sent, {})                                -- nothing went to the peer
end

function test_time()
  local fired = false
  ws76.after(60, function() fired = true end)
  ws76.test.advance(60)                            -- a minute, at once
  equal(fired, true)
end
