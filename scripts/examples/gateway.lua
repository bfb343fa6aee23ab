-- gateway.lua: publishes the messages of a device to an MQTT broker (version 3.1.1, quality of service 0).
--
-- usage: ws76 run gateway.lua ws://device.local/ tcp://127.0.0.1:1883 devices/roof
--
-- sample output of mosquitto_sub -t devices/roof, when the device says "temp=21":
--   temp=21

local url, broker_url, topic = args[1], args[2] or "tcp://127.0.0.1:1883", args[3] or "ws76"
local keep_alive = 60
local ending = false

-- A packet is its type, the length of the rest, 7 bits a byte, and the rest.
local function packet(kind, rest)
  local length, n = "", #rest
  repeat
    local low = n % 128
    n = (n - low) / 128
    length = length .. string.char(low + (n > 0 and 128 or 0))
  until n == 0
  return string.char(kind) .. length .. rest
end

local broker = assert(ws76.open(broker_url))
local client = "ws76-" .. ws76.md5(topic .. ws76.now()):sub(1, 12)
assert(broker:write(packet(0x10, ws76.pack(">s2 B B I2 s2", "MQTT", 4, 2, keep_alive, client)))) -- CONNECT, a clean session
local answer = assert(broker:read(4))                                                          -- CONNACK
assert(answer:byte(1) == 0x20 and answer:byte(4) == 0, "the broker refuses: " .. ws76.hex.encode(answer))

local device = assert(ws76.connect(url, {via = args.via}))
ws76.print("ready")

ws76.spawn(function() -- what the broker says: answers to pings only
  while broker:read(2) do end
  if ending then return end
  ws76.print("the broker is gone")
  ws76.exit(1)
end)
ws76.every(keep_alive / 2, function()
  ws76.spawn(function() broker:write(packet(0xC0, "")) end) -- PINGREQ
end)

for data in function() return device:receive() end do
  assert(broker:write(packet(0x30, ws76.pack(">s2", topic) .. data))) -- PUBLISH
end
ending = true
broker:write(packet(0xE0, "")) -- DISCONNECT
ws76.exit(0)
