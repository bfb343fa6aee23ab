-- jsonlog: writes every message, and each connection's beginning and end, as a line of JSON.
plugin = {
  name = "jsonlog",
  version = "1.0.0",
  summary = "writes messages and connections as lines of JSON",
  permissions = { "write" },
  options = {
    { name = "file", type = "string", help = "append to this file; without it lines go where ws76 talks: standard error" },
    { name = "max", type = "size", default = "0", help = "write no more than so much of a message; 0: all of it" },
    { name = "direction", type = "enum", values = { "both", "in", "out" }, default = "both", help = "messages from the peer, to it, or both" },
  },
}

local json = ws76.json

local function stamp()
  local now = ws76.now()
  return os.date("!%Y-%m-%dT%H:%M:%S", math.floor(now)) .. string.format(".%03dZ", math.floor(now % 1 * 1000))
end

local failed
local function write(entry)
  entry.time = stamp()
  local line = json.encode(entry)
  if not options.file then return print(line) end
  local ok, message = ws76.append_file(options.file, line .. "\n")
  if not ok and message ~= failed then ws76.log.error("jsonlog: " .. message) end
  failed = not ok and message or nil
end

local function logged(dir)
  return function(conn, data, kind)
    local entry = { conn = conn.id, dir = dir, kind = kind, bytes = #data }
    local part = data
    if options.max > 0 and #data > options.max then
      part, entry.cut = data:sub(1, options.max), true
    end
    if kind == "text" and ws76.utf8.len(part) then entry.data = part else entry.base64 = ws76.base64.encode(part) end
    write(entry)
  end
end

function on_open(conn)
  write({ event = "open", conn = conn.id, role = conn.role, dialect = conn.dialect, remote = conn.remote, path = conn.path })
end

if options.direction ~= "out" then on_message = logged("in") end
if options.direction ~= "in" then on_send = logged("out") end

function on_close(conn, info)
  write({ event = "close", conn = conn.id, clean = info.clean, code = info.code, reason = info.reason, by = info.by,
    messages_in = info.messages_in, messages_out = info.messages_out })
end
