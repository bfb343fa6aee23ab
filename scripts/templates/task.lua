-- What this program does, in one line.
--
-- usage: ws76 run FILE.lua ws://device.local/
-- check: ws76 script check FILE.lua

-- The file itself is a task: it may wait. args[1] is the first argument, args.NAME comes from --script-arg NAME=VALUE.
local url = args[1] or "ws://127.0.0.1:8076/echo"
local device = assert(ws76.connect(url, {timeout = 10, via = args.via}))

-- Ask, and wait up to 2 seconds for the answer.
local answer, why = device:request("status", {timeout = 2})
if not answer then
  ws76.print("no answer: " .. why)
  ws76.exit(1)
end
ws76.print("answer: " .. answer)

-- Things that go on at the same time are tasks of their own.
local ticker = ws76.spawn(function()
  for i = 1, 3 do
    ws76.sleep(0.1)
    device:send("tick " .. i)
  end
end)
ws76.wait_all({ticker})

-- Read what comes until there is nothing for half a second.
while true do
  local data = device:receive(0.5)
  if not data then break end
  ws76.print(data)
end
device:close()
