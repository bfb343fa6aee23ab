-- heartbeat: keeps a connection alive that the drafts have no ping for, and closes one
-- that has gone silent.
plugin = {
  name = "heartbeat",
  version = "1.0.0",
  summary = "sends a text while nothing else is sent, closes what has gone silent",
  options = {
    { name = "text", type = "string", default = "ping", help = "what to send" },
    { name = "interval", type = "duration", default = "30s", help = "after this long with nothing sent" },
    { name = "answer", type = "string", help = "a message that is just this answers a heartbeat, and is dropped" },
    { name = "timeout", type = "duration", default = "0s", help = "close after this long with nothing received; 0s: never" },
  },
}

local function watched(conn) return conn.data.heartbeat end

local function watch(conn)
  local now = ws76.clock()
  conn.data.heartbeat = { sent = now, seen = now }
  return conn.data.heartbeat
end

function on_open(conn) watch(conn) end

function on_message(conn, data)
  local state = watched(conn) or watch(conn)
  state.seen = ws76.clock()
  if options.answer and data == options.answer then return false end
end

function on_send(conn)
  local state = watched(conn) or watch(conn)
  state.sent = ws76.clock()
end

local every, last

local function beat()
  local now = ws76.clock()
  -- Nobody has listened while this program was stopped or the machine slept.
  local slept = last and now - last > 2 * every and now - last or 0
  last = now
  for _, conn in ipairs(ws76.conns()) do
    local state = watched(conn) or watch(conn)
    state.seen = math.min(now, state.seen + slept)
    if not conn.open then
      -- it is being closed
    elseif options.timeout > 0 and now - state.seen >= options.timeout then
      ws76.log.warn("nothing received from " .. conn.remote .. " for " .. options.timeout .. " s, closing")
      conn:lost("silent")
    elseif options.interval > 0 and now - state.sent >= options.interval then
      if conn:send(options.text) then state.sent = now end
    end
  end
end

-- A quarter of the shortest time that matters: late by that much at most.
local shortest = math.huge
for _, t in ipairs({ options.interval, options.timeout }) do
  if t > 0 then shortest = math.min(shortest, t) end
end
if shortest < math.huge then
  every = math.max(shortest / 4, 0.01)
  ws76.every(every, beat)
end
