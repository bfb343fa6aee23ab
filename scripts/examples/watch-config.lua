-- watch-config.lua: sends the lines of a file to the device, at the start and whenever the file changes.
--
-- usage: ws76 connect ws://device.local/ --no-stdin --on-eof wait --script watch-config.lua --script-arg file=settings.txt
-- (a file that is not an argument needs --allow read=settings.txt, unless it is beside the script)
--
-- sample output, against ws76 serve --echo, for a file with two lines that is then replaced by one:
--   brightness 10
--   name roof
--   brightness 20

local file = args.file or "settings.txt"

local function send_lines(conn)
  local text, message = ws76.read_file(file)
  if not text then
    ws76.log.warn(message)
    return
  end
  for line in text:gmatch("[^\r\n]+") do
    conn:send(line)
  end
end

function on_open(conn)
  send_lines(conn)
end

assert(ws76.watch(file, function(event)
  if event.op == "remove" or event.op == "rename" then return end
  for _, conn in ipairs(ws76.conns()) do
    send_lines(conn)
  end
end))
