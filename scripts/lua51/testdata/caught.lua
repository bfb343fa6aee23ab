local out = {}
local function p(...) out[#out+1] = table.concat({...}, " ") end
function run()
  -- closures that outlive the function an error has ended keep its variables
  local get
  pcall(function() local x = 1 get = function() x = x + 1 return x end error("e") end)
  local a, b, c = 5, 6, 7
  p(get(), get())
  -- the function that goes on shares its variable with its closure
  local n = 0
  local function inc() n = n + 1 end
  for i = 1, 3 do pcall(function() inc() local y = i get = function() y = y + 1 return y end error({}) end) inc() p(n, get()) end
  -- handlers, nested
  local h = "a"
  local function add(s) h = h .. s end
  xpcall(function() pcall(function() add("b") error("x") end) add("c") error("y") end, function(e) add("d") return e end)
  add("e") p(h)
  -- in coroutines
  local k = "k"
  local function addk(s) k = k .. s end
  local co = coroutine.wrap(function() pcall(function() addk("1") error("x") end) addk("2") coroutine.yield() addk("3") error("z") end)
  co() addk("4") pcall(co) addk("5") p(k)
  -- through library functions
  local t = {3, 2, 1}
  local m = 0
  local function seen() m = m + 1 end
  pcall(table.sort, t, function() seen() error("s") end) seen() p(m)
  pcall(string.gsub, "abc", "%w", function() seen() error("s") end) seen() p(m)
  pcall(loadstring, nil) seen() p(m)
  load(function() seen() error("r") end) seen() p(m)
  pcall(function() load(function() return nil end) error("after") end) seen() p(m)
  setmetatable(t, {__index = function() seen() error("i") end})
  pcall(function() return t.x end) seen() p(m)
  -- too deep
  local d = 0
  local function deep() d = d + 1 return 1 + deep() end
  pcall(deep) local was = d > 100 d = -1 p(tostring(was), d) pcall(function() d = 5 end) p(d)
  return table.concat(out, "|")
end
print(run())
