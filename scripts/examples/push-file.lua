-- push-file.lua: sends a file to the device whenever it changes, and waits for the answer.
--
-- usage: ws76 run push-file.lua ws://device.local/ settings.txt
--
-- sample output, against ws76 serve --echo, for a file that is written twice:
--   ready
--   brightness 10
--   brightness 20

local device = assert(ws76.connect(args[1]))
assert(ws76.watch(args[2], function(event)
  local text = ws76.read_file(event.path) -- nil where the file has gone
  if not text then return end
  local answer, why = device:request(text, {timeout = 5})
  ws76.print(answer or "no answer: " .. why)
end))
ws76.print("ready")
