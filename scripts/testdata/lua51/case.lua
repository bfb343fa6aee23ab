-- What the tables of cases use. try[[expression]] and run[[statements]] print the code and what came of it.
local show
function show(v)
  local t = type(v)
  if t == "string" then
    return '"' .. v:gsub('[%c"\\\127-\255]', function(c) return ("\\%03d"):format(c:byte()) end) .. '"'
  elseif t == "number" then
    if v ~= v then return "nan" end -- whose sign is left open
    return ("%.14g"):format(v)
  elseif v == _G then
    return "_G"
  elseif t == "table" then
    local keys = {}
    for k, x in pairs(v) do keys[#keys + 1] = show(k) .. "=" .. show(x) end
    table.sort(keys)
    return "{" .. table.concat(keys, ",") .. "}"
  elseif t == "nil" or t == "boolean" then
    return tostring(v)
  end
  return t
end

local function showAll(...)
  local parts = {}
  for i = 1, select("#", ...) do parts[i] = show((select(i, ...))) end
  return table.concat(parts, " ")
end

function run(code)
  local f, err = loadstring(code, "=case")
  if not f then print(code .. " DOES NOT COMPILE") return end
  print((code:gsub("%c", function(c) return ("\\%d"):format(c:byte()) end)) .. "  -->  " .. showAll(pcall(f)))
end

function try(code) run("return " .. code) end
