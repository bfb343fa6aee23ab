-- sensor-alarm.lua: raises an alarm when a reading goes over a limit, and ends it when it is well below again.
-- A reading is "NAME=VALUE", or JSON with "name" (or "id", as the device of ws76 demo says) and "value".
--
-- usage: ws76 connect ws://device.local/ --script sensor-alarm.lua --script-arg limit=30
--
-- sample output, for roof=21, roof=31.5, roof=31, roof=29.5, {"name":"roof","value":25} and "hello":
--   alarm: roof is at 31.5
--   over: roof is at 25
--   hello

local limit = tonumber(args.limit or 30)
local gap = tonumber(args.gap or 2) -- how far below the limit an alarm ends

local function reading(data)
  local name, value = data:match("^([%w_-]+)=([%d.+-]+)$")
  if name then return name, tonumber(value) end
  local t = ws76.json.decode(data)
  if type(t) == "table" then return t.name or t.id, tonumber(t.value) end
end

function on_message(conn, data)
  local name, value = reading(data)
  if not (name and value) then return end -- not a reading: passed on
  local alarms = ws76.state
  ws76.metric("sensor_value", value, {sensor = name})
  if value > limit and not alarms[name] then
    alarms[name] = true
    return ("alarm: %s is at %g"):format(name, value)
  elseif value < limit - gap and alarms[name] then
    alarms[name] = nil
    return ("over: %s is at %g"):format(name, value)
  end
  return false
end
