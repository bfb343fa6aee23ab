-- dedup: drops messages that were there just now.
plugin = {
  name = "dedup",
  version = "1.0.0",
  summary = "drops messages that repeat an earlier one",
  options = {
    { name = "window", type = "duration", default = "0s", help = "drop what was there so long ago or less; 0s: only what repeats the last message" },
    { name = "keep", type = "int", default = 1000, help = "remember so many messages of a connection at most" },
    { name = "key", type = "string", help = "compare only what this regular expression (RE2) finds, or its first group" },
    { name = "direction", type = "enum", values = { "in", "out", "both" }, default = "in", help = "messages from the peer, to it, or both" },
  },
}

if options.keep < 1 then error("keep: want 1 or more") end

local function key(data, kind)
  if options.key then
    local found = ws76.re.match(data, options.key)
    if not found then return nil end -- nothing to compare: it passes
    data = found
  end
  if #data > 40 then data = ws76.sha1(data, true) end
  return kind .. data
end

-- A ring of the last keys, and when each was there.
local function repeated(state, k, now)
  if options.window == 0 then
    local same = state.last == k
    state.last = k
    return same
  end
  local at = state.times[k]
  if at and now - at <= options.window then return true end
  if not at then
    state.at = state.at % options.keep + 1
    local old = state.ring[state.at]
    if old then state.times[old] = nil end
    state.ring[state.at] = k
  end
  state.times[k] = now
  return false
end

local function unique(way)
  return function(conn, data, kind)
    local k = key(data, kind)
    if not k then return true end
    local state = conn.data[way]
    if not state then
      state = { times = {}, ring = {}, at = 0 }
      conn.data[way] = state
    end
    return not repeated(state, k, ws76.clock())
  end
end

if options.direction ~= "out" then on_message = unique("in") end
if options.direction ~= "in" then on_send = unique("out") end
