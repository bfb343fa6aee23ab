-- Section 5.1 of the manual, basic functions.
for _, f in ipairs{"assert", "error", "getfenv", "ipairs", "loadstring", "next", "pairs", "rawequal",
  "rawget", "rawset", "select", "setfenv", "setmetatable", "tonumber", "tostring", "type", "unpack", "load"} do
  try(f .. "()")
  for _, v in ipairs{"nil", "true", "'x'", "5"} do
    if not (f == "getfenv" and (v == "5" or v == "nil")) and f ~= "loadstring" and not (f == "load" and v == "5") then try(f .. "(" .. v .. ")") end
  end
end
-- assert, error
try[[assert(1, 2, 3)]] try[[assert(false)]] try[[assert(nil, "msg")]] try[[assert(nil, 12)]] try[[assert(false, {})]]
try[[assert(false, nil)]] try[[pcall(assert, false, "msg")]] try[[pcall(assert, false)]] try[[assert("x" == "x", "y")]]
try[[error("x")]] try[[error("x", 0)]] try[[error("x", 1)]] try[[error("x", 2)]] try[[error({1})]] try[[error(nil)]]
try[[error()]] try[[error(12)]] try[[error(12, 0)]] try[[error(true)]] try[[error("x", "1")]] try[[error("x", {})]] try[[error("x", -1)]]
run[[local function f() error("deep", 2) end local function g() f() end g()]]
run[[local function f() error("deep", 1) end f()]]
run[[local function f() error("tail", 2) end local function g() return f() end local r = g() return r]]
try[[pcall(error)]] try[[pcall(error, "x")]] try[[pcall(error, {1, 2})]]
try[[select(2, pcall(error, setmetatable({}, {__tostring = function() return "E" end})))]]
-- pcall, xpcall
try[[pcall(function(...) return ... end, 1, nil, 3, nil)]] try[[pcall(pcall, error, "x")]] try[[pcall("x")]] try[[pcall({})]]
try[[pcall(setmetatable({}, {__call = function(self, a) return a, type(self) end}), 7)]]
try[[xpcall(function() return 1, nil, 2 end, print)]]
try[[xpcall(function() error({5}) end, function(m) return m[1] end)]] try[[xpcall(function() local x = nil; x() end, function(m) return m end)]]
try[[xpcall(function() error("x", 0) end, function(m) return #m end)]]
try[[pcall(string.rep)]] try[[pcall(string.rep, "x")]] try[[pcall(string.format, "%d", "x")]]
-- getfenv, setfenv
try[[getfenv() == _G]] try[[getfenv(0) == _G]] try[[getfenv(1) == _G]] try[[getfenv(print) == _G]] try[[getfenv(-1)]] try[[getfenv(100)]]
try[[getfenv("x")]] try[[getfenv({})]] try[[setfenv(print, {})]] try[[setfenv(1)]] try[[setfenv(1, 2)]] try[[setfenv({}, {})]] try[[setfenv(-1, {})]]
try[[setfenv(100, {})]] run[[local e = {} local f = function() return x end return setfenv(f, e) == f, getfenv(f) == e, f()]]
run[[local function f() return x end setfenv(f, {x = 5}) return f()]] run[[setfenv(1, {y = 6}) return y]]
run[[local f = setfenv(function() z = 1 return function() return z end end, {}) return f()(), z]]
run[[local function f() setfenv(2, {q = 7}) end local g = function() f() return q end return g(), q]]
-- metatables
try[[getmetatable()]] try[[getmetatable({})]] try[[getmetatable("").__index == string]] try[[getmetatable(1)]] try[[getmetatable(nil)]] try[[getmetatable(true)]]
try[[getmetatable(print)]] try[[getmetatable(setmetatable({}, {__metatable = "locked"}))]] try[[getmetatable(setmetatable({}, {__metatable = false}))]]
try[[setmetatable({}, nil)]] try[[setmetatable({})]] try[[setmetatable({}, 1)]] try[[setmetatable("x", {})]] try[[setmetatable(setmetatable({}, {__metatable = 1}), {})]]
try[[setmetatable(setmetatable({}, {__metatable = false}), {})]] run[[local t, m = {}, {} return setmetatable(t, m) == t, getmetatable(t) == m]]
try[[string.__index]] try[[rawget(string, "__index")]]
-- ipairs, pairs, next
run[[local n = {} for i, v in ipairs{1, 2, nil, 4} do n[#n + 1] = i end return n]] try[[select("#", ipairs{})]] try[[select(3, ipairs{})]] try[[ipairs("x")]]
run[[local f, t, i = ipairs{7, 8} return f(t, 0), f(t, 1), f(t, 2), f(t, "1"), f(t, 0.5), f(t, -1)]] run[[local f = ipairs{} return f(1, 1)]] run[[local f = ipairs{} return f({}, {})]]
try[[pairs(1)]] try[[select("#", pairs{})]] try[[select(3, pairs{})]] try[[next({})]] try[[next({5})]] try[[next({5}, 1)]] try[[next({5}, nil)]]
try[[next({}, 1)]] try[[next({}, "x")]] try[[next({1, 2}, 3)]] try[[next({a = 1}, "b")]] try[[next({a = 1}, "a")]] try[[next({1}, 0.5)]] try[[next({}, {})]] try[[next(1)]]
run[[local t, n = {}, 0 for i = 1, 100 do t[i], t["k" .. i], t[i + 0.5] = i, i, i end for k in pairs(t) do t[k] = nil n = n + 1 end return n, next(t)]]
run[[local t = {1, 2, 3, x = 4, [1.5] = 6} local n = 0 for k, v in next, t do n = n + v end return n]]
-- raw
try[[rawequal(1, 1)]] try[[rawequal(1, "1")]] try[[rawequal({}, {})]] try[[rawequal("a", "a")]] try[[rawequal(0/0, 0/0)]] try[[rawequal(nil, nil)]] try[[rawequal(nil)]]
run[[local m = {__eq = function() return true end} local a, b = setmetatable({}, m), setmetatable({}, m) return a == b, rawequal(a, b)]]
try[[rawget({5}, 1)]] try[[rawget({5}, 1, 2)]] try[[rawget({5})]] try[[rawget("x", 1)]] try[[rawget(setmetatable({}, {__index = {a = 1}}), "a")]] try[[rawget({}, nil)]]
try[[rawset({}, 1, 2)]] try[[rawset({}, 1)]] try[[rawset({}, nil, 1)]] try[[rawset({}, 0/0, 1)]] try[[rawset(1, 2, 3)]] try[[rawset({}, 1, nil)]]
try[[rawset(setmetatable({}, {__newindex = error}), "a", 1)]] run[[local t = {} t[nil] = 1]] run[[local t = {} t[0/0] = 1]] try[[({})[nil] ]] try[[({})[0/0] ]]
-- select
try[[select("#")]] try[[select("#", nil, nil)]] try[[select("#x", 1)]] try[[select(1, 1, 2, 3)]] try[[select(3, 1, 2, 3)]] try[[select(4, 1, 2, 3)]] try[[select(-1, 1, 2, 3)]]
try[[select(-3, 1, 2, 3)]] try[[select(-4, 1, 2, 3)]] try[[select(0, 1)]] try[[select("2", 1, 2)]] try[[select(1.9, 1, 2)]] try[[select({}, 1)]] try[[select(2^32 + 1, 1, 2)]]
try[[select(1/0, 1)]] try[[select("x")]] try[[select(100)]]
-- tonumber
for _, s in ipairs{"", " ", "0", "10", " 10 ", "10x", "1e3", "1E3", "1e+3", "1e-3", "5e-07", "1e", "1e+", ".5", "5.", ".", "-5", "+5", "- 5", "--5", "+-5", "0x", "0x10", "0X1F", "0xg", "-0x10", "+0x10",
  "0x1p4", "0x1P-2", "0x.8", "0x1.8", "0xA.8p1", "0x1p", "1p4", "1_000", "0b1", "0o17", "00042", "012", "0e12", "nan", "NaN", "-nan", "inf", "-inf", "+inf", "Infinity", "infinit", "infinityx", "nan(1)", "nanx",
  "21.5\\r", "\\n7\\t", "\\v8\\f", "1\\0", "1\\0002", "1 2", "1e400", "-1e400", "1e-400", "123456789012345678901234567890", "0x7fffffffffffffff", "0xffffffffffffffff", "0x1ffffffffffffffff", "0xfffffffffffffffff",
  "9007199254740993", "1,5", "1..2", "1.2.3", "e5", "1e5.5", "0x1e5", "0x1e+5", "\\1601"} do
  try('tonumber("' .. s .. '")') try('tonumber("' .. s .. '", 10)') try('tonumber("' .. s .. '", 16)') try('tonumber("' .. s .. '", 36)') try('tonumber("' .. s .. '", 8)')
end
for base = 2, 36 do for _, s in ipairs{"10", "z", "Z", "-11", "  1  ", "7fffffffffffffffffff", "1.0"} do try(("tonumber(%q, %d)"):format(s, base)) end end
try[[tonumber("10", 1)]] try[[tonumber("10", 37)]] try[[tonumber("10", 0)]] try[[tonumber("10", -2)]] try[[tonumber(10, 16)]] try[[tonumber(1.5, 16)]] try[[tonumber({}, 16)]] try[[tonumber({})]] try[[tonumber(nil)]]
try[[tonumber()]] try[[tonumber(true)]] try[[tonumber(5)]] try[[tonumber("ff", "16")]] try[[tonumber("10", {})]] try[[tonumber("10", 2.9)]] try[[tonumber("10", nil)]] try[[tonumber(print)]] try[[tonumber("0x10", 16)]] try[[tonumber("0x", 16)]]
try[[tonumber("18446744073709551615", 10)]] try[[tonumber("ffffffffffffffff", 16)]] try[[tonumber("-1", 16)]] try[[tonumber("-ffffffffffffffffff", 16)]] try[[tonumber("", 16)]] try[[tonumber("+7", 8)]] try[[tonumber("++7", 8)]]
-- tostring and numbers as text
for _, n in ipairs{"0", "1", "1e15", "1e14", "123456789012345", "12345678901234", "2^53", "2^63", "2^64", "-2^53", "1e100", "-1e15", "1e-5", "0.1", "1/3", "100", "1e2", "1.5e300", "5e-324", "1/0", "-1/0", "3.14159265358979",
  "123.456", "0.1 + 0.2", "99999999999999", "999999999999999", "1e21", "12345.678901234567", "0.00001", "0.0001", "1e5 + 0.1"} do
  try("tostring(" .. n .. ")") try("(" .. n .. ") .. ''") try(("string.rep(%s, 1)"):format(n)) try(("table.concat({%s})"):format(n))
end
run[[local z = 0 return tostring(-z), -z .. "", 1 / -z]] try[[tostring(nil)]] try[[tostring(true)]] try[[tostring("x")]] try[[tostring()]] try[[tostring({}):match("^table: ")]] try[[tostring(print):match("^function: ")]]
try[[tostring(setmetatable({}, {__tostring = function(t) return "T" end}))]] try[[tostring(setmetatable({}, {__tostring = function(t) return 5 end}))]] try[[tostring(setmetatable({}, {__tostring = 5}))]]
try[[print(setmetatable({}, {__tostring = function(t) return {} end}))]] try[[type(nil)]] try[[type()]] try[[type(type)]] try[[type(0/0)]] try[[_VERSION]] try[[_G._G == _G]]
-- unpack
try[[unpack{1, 2, 3}]] try[[unpack({1, 2, 3}, 2)]] try[[unpack({1, 2, 3}, 2, 3)]] try[[unpack({1, 2, 3}, 2, 5)]] try[[unpack({1, 2}, -1, 1)]] try[[unpack({}, 1, 0)]] try[[unpack({}, 5)]] try[[unpack({1}, "1", "2")]]
try[[unpack({1, 2}, 1.9, 2.9)]] try[[unpack({}, 1, 1e8)]] try[[unpack({}, 1, 8000)]] try[[select("#", unpack({}, 1, 7990))]] try[[unpack({1, nil, 3})]] try[[unpack({}, {})]] try[[unpack("x")]] try[[unpack({}, 1, 2^31)]] try[[unpack({1,2}, nil, nil)]]
-- load, loadstring
try[[loadstring("return 1")()]] try[[loadstring("error('x')")()]] try[[pcall(loadstring("error('x')"))]] try[[pcall(loadstring("error('x')", "=name"))]] try[[pcall(loadstring("error('x')", "@name.lua"))]]
try[[pcall(loadstring("error('x')", "name"))]] try[[pcall(loadstring("\nerror('x')"))]] try[[pcall(loadstring("error('x') -- " .. ("y"):rep(100)))]] try[[pcall(loadstring("error('x')", "=" .. ("y"):rep(100)))]]
try[[pcall(loadstring("error('x')", "@" .. ("z"):rep(100)))]] try[[pcall(loadstring("error('x')\nreturn 1"))]] try[[loadstring("return ...")(1, 2)]] try[[loadstring({})]] try[[loadstring("x", {})]]
try[[pcall(loadstring("error('x')", ""))]] try[[load(function() end)]] run[[local parts, i = {"re", "turn", " 1"}, 0 return load(function() i = i + 1 return parts[i] end)()]] try[[pcall(load(function() local t = s s = nil return t end))]]
run[[s = "error('y')" local f = load(function() local t = s s = nil return t end) return pcall(f)]] run[[s = "error('y')" local f = load(function() local t = s s = nil return t end, "=n") return pcall(f)]]
run[[return load(function() error("in reader") end)]] run[[return load(function() return {} end)]] run[[return load(function() return true end)]] try[[load("return 1")]] try[[load(print, {})]]
try[[collectgarbage("count") > 0]] try[[collectgarbage()]] try[[collectgarbage("collect")]] try[[collectgarbage("stop")]] try[[collectgarbage("restart")]] try[[collectgarbage("x")]] try[[collectgarbage(5)]]
-- names of what is not equal to itself
run[[local x = 0/0 return x.y]] run[[local x = 0/0 return x:y()]] run[[local x = 0/0 x.y = 1]] run[[local t = {x = 0/0} return t.x.y]] run[[local x = 0/0 return x()]] run[[local x = 0/0 return #x]] run[[local x = 0/0 return x .. nil]]
