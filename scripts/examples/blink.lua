-- blink.lua: switches a lamp on and off, ten times, and waits for the device to confirm each.
--
-- usage: ws76 run blink.lua ws://device.local/ --via wifly:///dev/ttyUSB0
--        ws76 run blink.lua ws://127.0.0.1:8076/ --script-arg match=^LED --script-arg pause=0
--
-- sample output, of the second against ws76 serve --echo:
--   LED 1
--   LED 0
--   LED 1
--   LED 0
--   LED 1
--   LED 0
--   LED 1
--   LED 0
--   LED 1
--   LED 0

local dev = assert(ws76.connect(args[1], {via = args.via}))
for i = 1, 10 do
  local reply = assert(dev:request("LED " .. i % 2, {timeout = 2, match = args.match or "^OK"}))
  ws76.print(reply)
  ws76.sleep(tonumber(args.pause or 0.5))
end
