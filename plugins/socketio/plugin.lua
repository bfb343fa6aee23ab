-- socketio: Socket.IO 0.9, as browsers and devices of 2011 to 2014 spoke it over draft 76.
plugin = {
  name = "socketio",
  version = "1.0.0",
  summary = "Socket.IO 0.9: handshake, heartbeats, events, acks, namespaces",
  permissions = { "net" }, -- to where the connection goes, which the command line has mostly named
  options = {
    { name = "endpoint", type = "string", help = "the namespace, like /chat", default = "" },
    { name = "resource", type = "string", default = "socket.io", help = "first part of the server's paths" },
    { name = "event", type = "string", help = "send lines that are no packets of their own as events of this name" },
    { name = "only", type = "list", help = "let through only events of these names" },
    { name = "ack", type = "bool", default = false, help = "answer events that ask for an ack with an empty one" },
    { name = "timeout", type = "duration", default = "10s", help = "for the HTTP handshake, and for the ack of socketio-emit" },
  },
  connect = function(url) return handshake(url) end,
  commands = {
    ["socketio-emit"] = {
      summary = "sends one event and prints what the server's ack brings",
      usage = "URL EVENT [JSON...]",
      run = function(args) return emit(args) end,
    },
  },
}

-- A packet is TYPE:ID:ENDPOINT[:DATA]. "+" behind the ID asks for an ack with data.
local DISCONNECT, CONNECT, HEARTBEAT, MESSAGE, JSON, EVENT, ACK, ERROR = "0", "1", "2", "3", "4", "5", "6", "7"

local MAX_WAITING = 1000 -- messages that are kept until the namespace is connected

local json = ws76.json
local only
for _, name in ipairs(options.only) do
  only = only or {}
  only[name] = true
end

local function packet(kind, id, endpoint, data)
  return kind .. ":" .. id .. ":" .. endpoint .. (data and ":" .. data or "")
end

local function parse(data)
  local kind, rest = data:match("^([0-8]):(.*)$")
  if not kind then return end
  local id, plus, tail = rest:match("^(%d*)(%+?):(.*)$")
  if not id then return end
  local endpoint, payload = tail:match("^([^:]*):(.*)$")
  return { kind = kind, id = id, plus = plus == "+", endpoint = endpoint or tail, data = payload or "" }
end

-- The HTTP handshake -----------------------------------------------------------------------------

-- split takes a WebSocket URL apart.
local function split(url)
  local scheme, authority, path, query = url:match("^(wss?[%w+-]*)://([^/?#]+)([^?#]*)(%??[^#]*)")
  if not scheme then error("no WebSocket URL: " .. url, 0) end
  authority = authority:gsub("^.*@", "")
  local secure = scheme:sub(1, 3) == "wss"
  local host, port = authority:match("^(%[[^%]]*%]):?(%d*)$")
  if not host then host, port = authority:match("^([^:]*):?(%d*)$") end
  if not host then error("no host in " .. url, 0) end
  return {
    scheme = scheme, authority = authority, path = path, query = query:sub(2),
    stream = (secure and "tls://" or "tcp://") .. host .. ":" .. (port ~= "" and port or secure and "443" or "80"),
  }
end

-- ask makes one HTTP request and returns the first line of the body of its answer.
local function ask(u, path)
  local stream, err = ws76.open(u.stream)
  if not stream then return nil, err end
  local function fail(why)
    stream:close()
    return nil, "handshake with " .. u.stream .. path .. ": " .. why
  end
  local ok, why = stream:write("GET " .. path .. " HTTP/1.0\r\nHost: " .. u.authority .. "\r\nOrigin: http://" .. u.authority ..
    "\r\nConnection: close\r\n\r\n", options.timeout)
  if not ok then return fail(why) end
  local status
  status, why = stream:read_line(options.timeout)
  if not status then return fail(why) end
  for _ = 1, 100 do
    local line
    line, why = stream:read_line(options.timeout)
    if not line then return fail(why) end
    if line == "" then break end
  end
  local body = stream:read_line(options.timeout) or ""
  if not status:match("^HTTP/1%.%d 200") then
    return fail(string.format("the server answered %q: %s; is it Socket.IO 0.9, and is its resource %q?", status, body:sub(1, 200), options.resource))
  end
  stream:close()
  return body
end

-- handshake asks for a session, and returns the URL of its WebSocket. The path of a
-- URL is the namespace, as in io.connect("http://host/chat").
function handshake(url)
  local u = split(url)
  local base = "/" .. options.resource:gsub("^/+", ""):gsub("/+$", "") .. "/1/"
  if u.path:sub(1, #base) == base and u.path:match("/websocket/.") then return url end -- somebody did it
  local endpoint = options.endpoint
  if endpoint == "" and u.path ~= "/" and u.path:sub(1, #base - 2) ~= base:sub(1, -3) then endpoint = u.path end
  if endpoint ~= "" and endpoint:sub(1, 1) ~= "/" then endpoint = "/" .. endpoint end
  local query = "?t=" .. math.floor(ws76.now() * 1000) .. (u.query ~= "" and "&" .. u.query or "")
  local body, err = ask(u, base .. query)
  if not body then return nil, err end
  local sid, heartbeat, _, transports = body:match("^([%w_-]+):(%d*):(%d*):(%S*)")
  if not sid then return nil, string.format("the handshake of Socket.IO 0.9 is sid:seconds:seconds:transports, got %q", body:sub(1, 200)) end
  if not ("," .. transports .. ","):find(",websocket,", 1, true) then
    return nil, "the server offers no WebSocket, only " .. transports
  end
  ws76.log.info("session " .. sid .. ", heartbeats within " .. (heartbeat == "" and "any time" or heartbeat .. " s"))
  ws76.state.sessions = ws76.state.sessions or {}
  ws76.state.sessions[sid] = { endpoint = endpoint, heartbeat = tonumber(heartbeat) }
  return u.scheme .. "://" .. u.authority .. base .. "websocket/" .. sid .. (u.query ~= "" and "?" .. u.query or "")
end

-- Connections ------------------------------------------------------------------------------------

-- session is what is known of a connection; nil for those that are not ours.
local function session(conn)
  if conn.role ~= "client" then return end
  local s = conn.data.socketio
  if not s then
    local sid = conn.path:match("/websocket/([%w_-]+)")
    s = sid and (ws76.state.sessions or {})[sid] or { endpoint = options.endpoint }
    s.sid, s.waiting, s.seen, s.ids = sid, {}, ws76.clock(), 0
    conn.data.socketio = s
  end
  return s
end

-- flush sends what has waited for the namespace.
local function flush(conn, s)
  s.ready = true
  for _, p in ipairs(s.waiting) do conn:send(p) end
  s.waiting = {}
end

-- object shows the JSON object of an event with more fields, its own text untouched.
local function object(fields, text)
  local more = json.encode(fields)
  if more == "{}" or more == "[]" then return text end
  local rest = text:match("^%s*{(.*)$")
  if not rest then return more end
  return more:sub(1, -2) .. (rest:match("^%s*}") and "" or ",") .. rest
end

local incoming = {
  [CONNECT] = function(conn, s, p)
    if p.endpoint == s.endpoint:gsub("%?.*", "") then
      flush(conn, s)
    elseif p.endpoint == "" and not s.asked then
      s.asked = true
      conn:send(packet(CONNECT, "", s.endpoint))
    end
    return false
  end,
  [DISCONNECT] = function(conn, s, p)
    if p.endpoint == "" or p.endpoint == s.endpoint then
      ws76.log.info("the server disconnects")
      conn:close(1000)
    end
    return false
  end,
  [HEARTBEAT] = function(conn)
    conn:send("2::")
    return false
  end,
  [MESSAGE] = function(conn, s, p) return p.data end,
  [JSON] = function(conn, s, p) return p.data end,
  [EVENT] = function(conn, s, p)
    if only then
      local t = json.decode(p.data)
      if type(t) ~= "table" or not only[t.name] then return false end
    end
    local fields = {}
    if p.endpoint ~= s.endpoint then fields.endpoint = p.endpoint end
    if p.id ~= "" and p.plus then
      if options.ack then conn:send(packet(ACK, "", p.endpoint, p.id)) else fields.id = tonumber(p.id) end
    end
    return object(fields, p.data)
  end,
  [ACK] = function(conn, s, p)
    local id, args = p.data:match("^(%d+)%+?(.*)$")
    if not id then return false end
    return '{"ack":' .. id .. (args ~= "" and ',"args":' .. args or "") .. "}"
  end,
  [ERROR] = function(conn, s, p)
    local reasons = { ["0"] = "transport not supported", ["1"] = "client not handshaken", ["2"] = "unauthorized" }
    local reason, advice = p.data:match("^(%d*)(.*)$")
    reason = reasons[reason] or p.data
    ws76.log.error("error " .. (p.endpoint ~= "" and "of " .. p.endpoint .. " " or "") .. reason .. (advice == "+0" and ", advice: reconnect" or ""))
    return false
  end,
}

function on_message(conn, data, kind)
  local s = session(conn)
  if not s or kind ~= "text" then return end
  s.seen = ws76.clock()
  local p = parse(data)
  if not p then
    ws76.log.warn(string.format("no packet of 0.9: %q", data:sub(1, 100)))
    return false
  end
  local id = p.id
  local take = incoming[p.kind]
  if not take then return false end -- noop
  -- Of messages without "+" the ack says only that they have come.
  if id ~= "" and not p.plus and (p.kind == MESSAGE or p.kind == JSON or p.kind == EVENT) then
    conn:send(packet(ACK, "", p.endpoint, id))
  end
  return take(conn, s, p)
end

-- encode makes a packet of a line: {"name":…,"args":[…]} is an event, {"ack":N,"args":[…]}
-- an ack, other JSON is JSON, anything else a message.
local function encode(s, data)
  local t = data:match("^%s*[{%[]") and json.decode(data)
  if type(t) ~= "table" then
    if options.event then return packet(EVENT, "", s.endpoint, json.encode({ name = options.event, args = { data } })) end
    return packet(MESSAGE, "", s.endpoint, data)
  end
  local endpoint = type(t.endpoint) == "string" and t.endpoint or s.endpoint
  if type(t.name) == "string" then
    -- The server looks at name and args only.
    return packet(EVENT, tonumber(t.id) and string.format("%d+", t.id) or "", endpoint, data)
  elseif tonumber(t.ack) then
    local args = type(t.args) == "table" and "+" .. json.encode(t.args) or ""
    return packet(ACK, "", endpoint, string.format("%d", t.ack) .. args)
  elseif options.event then
    return packet(EVENT, "", s.endpoint, '{"name":' .. json.encode(options.event) .. ',"args":[' .. data .. "]}")
  end
  return packet(JSON, "", endpoint, data)
end

function on_send(conn, data, kind)
  local s = session(conn)
  if not s then return end
  if kind ~= "text" then error("Socket.IO 0.9 has no binary messages") end
  local p = encode(s, data)
  if s.ready then return p end
  if #s.waiting >= MAX_WAITING then error("more than " .. MAX_WAITING .. " messages wait for the server to connect " .. s.endpoint) end
  table.insert(s.waiting, p)
  return false
end

function on_close(conn)
  local s = conn.data.socketio
  if not s then return end
  if s.sid and ws76.state.sessions then ws76.state.sessions[s.sid] = nil end
  if #s.waiting > 0 then
    ws76.log.error("" .. #s.waiting .. " messages were not sent: the server did not connect " .. (s.endpoint == "" and "the session" or s.endpoint))
  end
  return #s.waiting
end

-- The server sends heartbeats and each must come in time.
ws76.every(1, function()
  for _, conn in ipairs(ws76.conns()) do
    local s = session(conn)
    if s and s.heartbeat and s.heartbeat > 0 and ws76.clock() - s.seen > s.heartbeat and not s.dead then
      s.dead = true
      ws76.log.error("no heartbeat within " .. s.heartbeat .. " s, closing")
      conn:close(1001, "no heartbeat")
    end
  end
end)

-- The command ------------------------------------------------------------------------------------

-- emit is socketio-emit URL EVENT [JSON…]. An argument that is no JSON is a string.
function emit(args)
  local url, name = args[1], args[2]
  if not name then return nil, "want a URL and the name of an event" end
  local list = {}
  for i = 3, #args do
    local ok = json.decode(args[i])
    list[#list + 1] = ok ~= nil and args[i] or json.encode(args[i])
  end
  local function fail(code, why)
    ws76.log.error(why)
    ws76.exit(code)
  end
  local to, err = handshake(url)
  if not to then fail(3, err) end
  local conn
  conn, err = ws76.connect(to)
  if not conn then fail(3, err) end
  local s = session(conn)
  local event = packet(EVENT, "1+", s.endpoint, '{"name":' .. json.encode(name) .. ',"args":[' .. table.concat(list, ",") .. "]}")
  if s.ready then conn:send(event) else table.insert(s.waiting, event) end
  local deadline = ws76.clock() + options.timeout
  while true do
    local left = deadline - ws76.clock()
    local data, why = nil, "timeout"
    if left > 0 then data, why = conn:receive(left) end
    if not data then
      conn:close()
      if not s.ready then fail(5, "the server did not connect " .. (s.endpoint == "" and "the session" or s.endpoint)) end
      if why == "timeout" then fail(5, "sent, and not acknowledged within " .. options.timeout .. " s") end
      fail(6, "sent; the connection was closed without an ack")
    end
    local answer = data:match('^{"ack":1,"args":(.*)}$')
    if answer or data == '{"ack":1}' then
      if answer then print(answer) end
      break
    end
  end
  conn:send("0::")
  conn:close()
end
