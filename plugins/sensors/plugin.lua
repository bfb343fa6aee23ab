-- sensors: keeps an eye on readings like {"id":"temperature","value":21.5,"unit":"C"}.
plugin = {
  name = "sensors",
  version = "1.0.0",
  summary = "readings as text, metrics and alarms: {\"id\":\"temperature\",\"value\":21.5,\"unit\":\"C\"}",
  options = {
    { name = "show", type = "enum", values = { "text", "json", "csv" }, default = "text", help = "what a reading becomes: text, as it is, or a line of CSV" },
    { name = "only", type = "list", help = "let through only these sensors, and no message that is no reading" },
    { name = "limits", type = "list", help = "say so when a value passes one of these, like temperature>30 or humidity<20" },
    { name = "change", type = "float", default = 0, help = "drop readings that differ by less from the one that was let through last" },
  },
  commands = {
    sensors = {
      summary = "shows the readings of a device: the last, lowest and highest of each sensor",
      usage = "URL [READINGS]",
      run = function(args) return show_readings(args) end,
    },
  },
}

local limits = {}
for _, text in ipairs(options.limits) do
  local id, sign, value = text:match("^(.-)([<>])(%-?[%d.]+)$")
  if not tonumber(value) then error("limits: " .. text .. ": want NAME>NUMBER or NAME<NUMBER") end
  table.insert(limits, { id = id, above = sign == ">", value = tonumber(value), text = text })
end
local only
for _, id in ipairs(options.only) do
  only = only or {}
  only[id] = true
end

local function reading(data)
  local t = ws76.json.decode(data)
  if type(t) == "table" and type(t.id) == "string" and type(t.value) == "number" then
    return { id = t.id, value = t.value, unit = type(t.unit) == "string" and t.unit or "" }
  end
end

local function alarm(state, r)
  for i, limit in ipairs(limits) do
    if limit.id == r.id then
      local passed = limit.above and r.value > limit.value or not limit.above and r.value < limit.value
      local key = r.id .. i
      if passed and not state[key] then ws76.log.warn(limit.text .. ": " .. r.id .. " is " .. r.value .. " " .. r.unit) end
      if not passed and state[key] then ws76.log.warn(limit.text .. " is over: " .. r.id .. " is " .. r.value .. " " .. r.unit) end
      state[key] = passed or nil
    end
  end
end

function on_message(conn, data, kind)
  local r = kind == "text" and reading(data) or nil
  if not r then return only == nil end
  if only and not only[r.id] then return false end
  local state = conn.data.sensors
  if not state then
    state = { last = {}, alarms = {} }
    conn.data.sensors = state
  end
  ws76.metric("sensor_value", r.value, { sensor = r.id, unit = r.unit })
  alarm(state.alarms, r)
  local last = state.last[r.id]
  if last and math.abs(r.value - last) < options.change then return false end
  state.last[r.id] = r.value
  if options.show == "text" then return r.id .. " " .. r.value .. (r.unit ~= "" and " " .. r.unit or "") end
  if options.show == "csv" then
    local t = ws76.now()
    return string.format("%s,%s,%s,%s", os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(t)), r.id, r.value, r.unit)
  end
end

function show_readings(args)
  local url, n = args[1], tonumber(args[2] or 10)
  if not url or not n then return nil, "want a URL, and how many readings as a number" end
  on_message = nil -- readings are to come as they are
  local conn = assert(ws76.connect(url))
  local seen, names = {}, {}
  while n > 0 do
    local data, why = conn:receive(30)
    if not data then
      ws76.log.warn("no more readings: " .. why)
      break
    end
    local r = reading(data)
    if r and (not only or only[r.id]) then
      n = n - 1
      local s = seen[r.id]
      if not s then
        s = { low = r.value, high = r.value }
        seen[r.id] = s
        table.insert(names, r.id)
      end
      s.value, s.unit = r.value, r.unit
      s.low, s.high = math.min(s.low, r.value), math.max(s.high, r.value)
    end
  end
  conn:close()
  table.sort(names)
  for _, id in ipairs(names) do
    local s = seen[id]
    print(string.format("%-16s %8s %-4s %8s .. %s", id, s.value, s.unit, s.low, s.high))
  end
  if #names == 0 then ws76.exit(1) end
end
