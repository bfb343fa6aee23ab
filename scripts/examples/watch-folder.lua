-- watch-folder.lua: sends each new file of a folder to everybody who is connected. The folder need not exist yet.
--
-- usage: ws76 serve --script watch-folder.lua --script-arg folder=incoming
-- (a folder that is not an argument needs --allow read=incoming, unless it is beside the script)
--
-- sample output of ws76 connect ws://127.0.0.1:8076/files, when the file incoming/1.txt with "hello" appears:
--   1.txt: hello

local folder = args.folder or "incoming"

function on_message() return false end -- what clients send is for nobody

assert(ws76.watch(folder .. "/*", function(event)
  if event.op ~= "create" then return end
  local text, message = ws76.read_file(event.path)
  if not text then
    ws76.log.warn(message)
    return
  end
  local name = event.path:match("[^/\\]+$")
  for _, conn in ipairs(ws76.conns()) do
    local ok, why = conn:send(name .. ": " .. text)
    if not ok then ws76.log.warn(name .. " is not sent: " .. why) end
  end
end))
