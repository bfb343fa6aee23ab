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
  if event.op ~= "remove" then ws76.print((assert(device:request(assert(ws76.read_file(event.path)), {timeout = 5})))) end
end))
ws76.print("ready")
