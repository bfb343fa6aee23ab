-- ratelimit: holds each connection to a number of messages, and bytes, a second.
plugin = {
  name = "ratelimit",
  version = "1.0.0",
  summary = "holds each connection to so many messages and bytes a second",
  options = {
    { name = "rate", type = "float", default = 10, help = "messages a second; 0: any number" },
    { name = "burst", type = "int", default = 20, help = "messages that may come at once after a pause" },
    { name = "bytes", type = "size", default = 0, help = "bytes a second; 0: any number" },
    { name = "action", type = "enum", values = { "drop", "close" }, default = "drop", help = "what to do with what is too much" },
    { name = "direction", type = "enum", values = { "in", "out", "both" }, default = "in", help = "messages from the peer, to it, or both" },
  },
}

if options.burst < 1 then error("burst: want 1 or more") end

-- A bucket fills at the rate and holds a burst; each message takes its share out.
local function take(bucket, now, rate, size, amount)
  bucket.level = math.min(size, (bucket.level or size) + (now - (bucket.at or now)) * rate)
  bucket.at = now
  -- What is larger than the bucket passes when that is full, else it would never.
  if bucket.level < math.min(amount, size) then return false end
  bucket.level = bucket.level - amount
  return true
end

local function limited(way)
  return function(conn, data)
    local state = conn.data[way]
    if not state then
      state = { messages = {}, bytes = {}, dropped = 0, told = -math.huge }
      conn.data[way] = state
    end
    local now = ws76.clock()
    if (options.rate == 0 or take(state.messages, now, options.rate, options.burst, 1)) and
      (options.bytes == 0 or take(state.bytes, now, options.bytes, options.bytes, #data)) then
      return true
    end
    state.dropped = state.dropped + 1
    ws76.state.dropped = (ws76.state.dropped or 0) + 1
    ws76.metric("ratelimit_dropped", ws76.state.dropped)
    if options.action == "close" then
      ws76.log.warn(conn.remote .. " is over its rate, closing")
      conn:close(1008, "too many messages")
    elseif now - state.told >= 10 then
      state.told = now
      ws76.log.warn(conn.remote .. " is over its rate, " .. state.dropped .. " messages dropped by now")
    end
    return false
  end
end

if options.direction ~= "out" then on_message = limited("in") end
if options.direction ~= "in" then on_send = limited("out") end

function on_close(conn)
  for _, way in ipairs({ "in", "out" }) do
    local state = conn.data[way]
    if state and state.dropped > 0 then ws76.log.warn(conn.remote .. ": " .. state.dropped .. " messages dropped in all") end
  end
end
