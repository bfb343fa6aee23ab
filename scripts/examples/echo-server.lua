-- echo-server.lua: a server that sends each message back, and says goodbye to who says "bye".
--
-- usage: ws76 run echo-server.lua 127.0.0.1:8076
-- (an address that is not an argument needs --allow listen=127.0.0.1:8076)
--
-- sample output, when a client sent "hello" and "bye":
--   listening on 127.0.0.1:8076
--   open: /chat
--   closed after 2 messages

local listener = assert(ws76.listen(args[1] or "127.0.0.1:8076", function(conn)
  ws76.print("open: " .. conn.path)
  local n = 0
  for data, kind in function() return conn:receive() end do
    n = n + 1
    conn:send(data, kind)
    if data == "bye" then conn:close() end
  end
  ws76.print("closed after " .. n .. " messages")
end))
ws76.print("listening on " .. listener.addr)
