-- Levels go through protected calls, an overflow of the stack through a handler.
local function each(f)
  for i = 0, 5 do print(i, f(i)) end
end
local function all()
  each(function(i) return pcall(function() error("x", i) end) end)
  each(function(i) return pcall(error, "x", i) end)
  each(function(i) return pcall(pcall, error, "x", i) end)
  each(function(i) return xpcall(function() error("x", i) end, function(e) return e end) end)
  each(function(i) local ok = pcall(function() return pcall(getfenv, i) end) return ok end)
  local function deep() return 1, deep() end
  print(pcall(deep))
  print(xpcall(deep, function(e) return "handled: " .. e end))
  print(xpcall(deep, function(e) error("again") end))
  print(xpcall(deep, nil))
  print(xpcall(function() error("stack overflow", 0) end, function(e) return "handled: " .. e end))
  print(coroutine.resume(coroutine.create(deep)))
end
all()
coroutine.wrap(all)()

-- A protected call at the very end of the stack.
local function through() local ok, e = pcall(through) return ok, type(e) end
print(through())
local function tail() return pcall(tail) end
print((tail()))
for n = 1, 20 do
  local function down(k) if k > 0 then return 1 + down(k - 1) end return select("#", tail()) end
  print(type(down(n)))
end
