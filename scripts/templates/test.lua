-- Tests of NAME.lua, when this file is called NAME_test.lua and lies beside it.
--
-- usage: ws76 script test NAME_test.lua

local function eq(got, want)
  if got ~= want then
    error(("got %q, want %q"):format(tostring(got), tostring(want)), 2)
  end
end

-- Each function test_* runs with the hooks of NAME.lua in a script of its own.
function test_digits_are_masked()
  local c = ws76.test.conn()                       -- on_open runs
  eq(c:message("card 1234 5678")[1], "card **** ****")  -- on_message runs; what it let through
end

function test_secrets_are_dropped()
  local c = ws76.test.conn()
  eq(#c:message("the secret word"), 0)
  eq(#c.sent, 0)                                   -- nothing went to the peer
end

function test_time()
  local fired = false
  ws76.after(60, function() fired = true end)
  ws76.test.advance(60)                            -- a minute, at once
  eq(fired, true)
end
