-- Section 5.2 of the manual, coroutines.
for _, f in ipairs{"create", "status", "wrap"} do try("coroutine." .. f .. "()") try("coroutine." .. f .. "(1)") try("coroutine." .. f .. "({})") try("coroutine." .. f .. "(print)") end
run[[local x = coroutine.resume(1)]] run[[local x = coroutine.resume()]] run[[local x = coroutine.resume(print)]]
run[[local co = coroutine.create(function(a, b) local c = coroutine.yield(a + b) local d, e = coroutine.yield(c * 2) return d, e end)
  local r = {} for _, args in ipairs{{1, 2}, {5}, {7, 8}, {9}} do local x = {coroutine.resume(co, unpack(args))} r[#r + 1] = table.concat({tostring(x[1]), tostring(x[2]), tostring(x[3]), coroutine.status(co)}, ",") end return r]]
run[[local co = coroutine.create(function() error("x") end) return coroutine.resume(co)]] run[[local co = coroutine.create(function() error({5}) end) local ok, e = coroutine.resume(co) return ok, e[1], coroutine.status(co)]]
run[[local co = coroutine.create(function() end) coroutine.resume(co) return coroutine.resume(co)]] run[[local f = coroutine.wrap(function() error("x") end) f()]] run[[local f = coroutine.wrap(function() error({1}) end) f()]]
run[[local f = coroutine.wrap(function() return 1 end) f() f()]] run[[local co co = coroutine.create(function() return coroutine.resume(co) end) return coroutine.resume(co)]]
run[[local co co = coroutine.create(function() return coroutine.status(co) end) return coroutine.resume(co)]] run[[local co = coroutine.create(function() end) return coroutine.status(co)]]
run[[local co co = coroutine.create(function() local c2 = coroutine.create(function() return coroutine.status(co), coroutine.resume(co) end) return coroutine.resume(c2) end) return coroutine.resume(co)]]
run[[local f = coroutine.wrap(function(...) local n = select("#", ...) while true do n = select("#", coroutine.yield(n)) end end) return f(), f(1, nil), f(nil, nil, nil), f()]]
run[[local f = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) local r = {} for v in f do r[#r + 1] = v end return r]]
-- yields across what they cannot pass
for _, what in ipairs{"t.x", "t + 1", "1 - t", "t < t", "t <= t", "t == u", "-t", "t .. 'x'", "tostring(t)", "('x'):gsub('.', f)", "table.sort({3, 1, 2}, f)", "table.foreach({1}, f)", "loadstring('x', t)", "load(f)"} do
  run([[local function f() return coroutine.yield(1) end
  local mt = {} for _, e in ipairs{"index", "add", "sub", "lt", "le", "eq", "unm", "concat", "tostring"} do mt["__" .. e] = f end local t, u = setmetatable({}, mt), setmetatable({}, mt)
  local co = coroutine.create(function() local ok, e = pcall(function() return ]] .. what .. [[ end) return ok, type(e) == "string" and e or type(e) end)
  return coroutine.resume(co)]])
  run([[local function f() return coroutine.yield(1) end
  local mt = {} for _, e in ipairs{"index", "add", "sub", "lt", "le", "eq", "unm", "concat", "tostring"} do mt["__" .. e] = f end local t, u = setmetatable({}, mt), setmetatable({}, mt)
  local co = coroutine.create(function() return (]] .. what .. [[) end) return coroutine.resume(co)]])
end
run[[local t = setmetatable({}, {__newindex = function() coroutine.yield() end}) return coroutine.resume(coroutine.create(function() t.x = 1 end))]]
run[[local t = setmetatable({}, {__call = function(t, ...) return coroutine.yield(...) end}) return coroutine.resume(coroutine.create(function() return t(1, 2) end))]]
run[[local t = setmetatable({}, {__call = function(t, ...) return coroutine.yield(...) end}) return coroutine.resume(coroutine.create(function() local x = t(1, 2) end))]]
run[[local co = coroutine.create(function() local t = setmetatable({}, {__index = function() return coroutine.yield() end}) return t.x end) return coroutine.resume(co), coroutine.status(co), coroutine.resume(co)]]
-- too many calls
run[[local function f() return 1 + f() end return pcall(f)]] run[[local function f() return 1 + f() end return coroutine.resume(coroutine.create(f))]]
-- pcall and xpcall
run[[local x = pcall()]] run[[local x = xpcall()]] run[[local x = xpcall(print)]] try[[pcall(pcall)]] try[[pcall(pcall, error, "x")]] try[[pcall(xpcall)]] try[[pcall("x")]] try[[pcall({})]] try[[pcall(nil)]]
try[[pcall(error)]] try[[pcall(error, nil)]] try[[pcall(error, "x", 1)]] try[[pcall(function(...) return ... end, 1, nil, 3, nil)]] try[[xpcall(function(...) return select("#", ...) end, print, 1, 2)]]
try[[xpcall(function() error("x") end, function(m) return m .. "!", 2 end)]] try[[xpcall(function() error("a") end, function(e) error("b") end)]] try[[xpcall(nil, function(m) return "H:" .. m end)]]
