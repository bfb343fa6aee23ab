-- upper.lua: what the device says, in capital letters; and what is typed, with a line number.
--
-- usage: ws76 connect ws://device.local/ --script upper.lua
--
-- sample output, against ws76 serve --echo, for the lines "on" and "off":
--   1: ON
--   2: OFF

local lines = 0

function on_line(line)
  lines = lines + 1
  return lines .. ": " .. line
end

function on_message(conn, data)
  return data:upper()
end
