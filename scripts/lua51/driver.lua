-- Runs programs: in lua5.1, and in the host that is compared with it.
local loadstring, setfenv, pcall, tostring, tonumber, type, select = loadstring, setfenv, pcall, tostring, tonumber, type, select
local concat, floor, next, sethook = table.concat, math.floor, next, sethook

-- show is a value as text, without its address.
local function show(v)
  local t = type(v)
  if t == "table" or t == "function" or t == "thread" or t == "userdata" then return "<" .. t .. ">" end
  return tostring(v)
end

-- num is a number of anything.
local function num(v)
  if type(v) == "number" or type(v) == "string" then return tonumber(v) or 0 end
  return 0
end

-- plain is a value whose text is no address.
local function plain(v)
  if type(v) ~= "string" and tostring(v):find("^%a+: 0[xX]%x+$") then return show(v) end
  return v
end

-- whole reports whether the length of a value is specified: it is no table with holes.
local function whole(v)
  if type(v) ~= "table" then return true end
  local n, last = 0, 0
  for k in next, v do
    if type(k) == "number" and k > 0 and floor(k) == k then
      n = n + 1
      if k > last then last = k end
    end
  end
  return n == last
end

-- listed is a value, or an empty list in place of one with holes.
local function listed(v)
  if whole(v) then return v end
  return {}
end

local function key(a) return type(a) == "table" and num(rawget(a, "v")) or num(a) end
local function eq(a, b) return key(a) == key(b) end
local function lt(a, b) return key(a) < key(b) end
local function le(a, b) return key(a) <= key(b) end

local maxLines = 1000

-- run runs a program with globals of its own and returns what it has printed, and its error.
function run(src)
  local out = {}
  local env = setmetatable({show = show, num = num, plain = plain, whole = whole, listed = listed, eq = eq, lt = lt, le = le}, {__index = _G})
  env._G = env
  function env.print(...)
    if #out > maxLines then error("too long", 0) end
    local t = {}
    for i = 1, select("#", ...) do t[i] = tostring((select(i, ...))) end
    out[#out + 1] = concat(t, "\t")
  end
  local f, err = loadstring(src, "=p")
  if f then
    setfenv(f, env)
    if sethook then sethook(function() sethook() error("too long", 0) end, "", 1000000) end
    local ok, e = pcall(f)
    if sethook then sethook() end
    if ok then e = "end" end
    out[#out + 1] = show(e)
  else
    out[#out + 1] = err
  end
  -- The sign of what is no number is the machine's.
  return (concat(out, "\n"):gsub("(%a+: )0[xX]%x+", "%1ADDRESS"):gsub("%-nan", "nan"))
end
