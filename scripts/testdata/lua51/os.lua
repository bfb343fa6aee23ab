-- The clock of section 5.8 of the manual. TZ says where.
local times = {"0", "1", "-1", "86399", "951782400", "1078012800", "1104537600", "1167609600", "1230768000", "1261958400", "1293840000", "1325376000", "1356998399", "1000000000", "1234567890", "1700000000.9", "-1.5", "2147483647", "2147483648", "-2147483649",
  "4102444800", "253402300800", "-62135596800", "-62167219200", "-62167219201", "-1e11", "1e12", "-1e12", "1711846800", "1711850400", "1729990800", "1729994400", "1720000000"}
for _, t in ipairs(times) do
  for _, f in ipairs{"%c", "%x %X %p %P %I %l %k", "%a %A %b %B %h", "%d %e %j %m %y %Y %C", "%U %W %V %G %g %w %u", "%H %M %S %T %R %r", "%D %F %n%t", "*t"} do
    try(("os.date(%q, %s)"):format("!" .. f, t)) try(("os.date(%q, %s)"):format(f, t))
  end
  try(("os.date('%%z %%Z', %s)"):format(t)) try(("os.date('!%%z %%Z', %s)"):format(t)) try(("os.date('%%s', %s)"):format(t)) try(("os.time(os.date('*t', %s))"):format(t))
end
for year = 1999, 2013 do for _, d in ipairs{"1, day = 1", "12, day = 31", "1, day = 3", "12, day = 29"} do
  run(("return os.date('!%%F %%G-%%V-%%u %%U %%W %%j', os.time{year = %d, month = %s})"):format(year, d))
end end
for c = 32, 126 do
  local s = string.char(c)
  if not s:find("[sczZcxX]") then try(("os.date(%q, 1000000000)"):format("!%" .. s)) end
end
try[[os.date("!%", 0)]] try[[os.date("!", 0)]] try[[os.date("", 0)]] try[[os.date("!%%%%", 0)]] try[[os.date("!%Ey %Od", 0)]] try[[os.date("!a\0b%Y", 0)]] try[[os.date("!%\0Y", 0)]] try[[os.date("!*t", 0)]] try[[os.date("!*tx", 0)]] try[[os.date("*", 0)]]
try[[os.date("!%c", 1e17)]] try[[os.date("!%c", -1e17)]] try[[os.date("!%Y", 1e15)]] try[[os.date("!%Y", 0/0)]] try[[os.date("!%Y", 1/0)]] try[[os.date({})]] try[[os.date("!%Y", {})]] try[[os.date("!%Y", "x")]] try[[os.date("!%Y", "0")]] try[[os.date("!%Y", nil) ~= nil]]
try[[type(os.date())]] try[[type(os.date(nil))]] try[[os.date(5)]] try[[#os.date() == #os.date("%c")]]
-- time
try[[os.time({})]] try[[os.time({year = 2020})]] try[[os.time({year = 2020, month = 1})]] try[[os.time({day = 1})]] try[[os.time(5)]] try[[os.time("x")]] try[[type(os.time())]] try[[type(os.time(nil))]]
for _, t in ipairs{"year = 2020, month = 1, day = 1", "year = 2020, month = 1, day = 0", "year = 2020, month = 13, day = 1", "year = 2020, month = 0, day = 1", "year = 2020, month = -5, day = -40", "year = 2020, month = 2, day = 30", "year = 2019, month = 2, day = 29",
  "year = 2020, month = 1, day = 1, hour = 25", "year = 2020, month = 1, day = 1, min = -1", "year = 2020, month = 1, day = 1, sec = 86400", "year = 2020, month = 7, day = 1", "year = 2020, month = 7, day = 1, isdst = true", "year = 2020, month = 7, day = 1, isdst = false",
  "year = 2020, month = 1, day = 1, isdst = true", "year = 2020, month = 1, day = 1, isdst = false", "year = 1969, month = 12, day = 31, hour = 23, min = 59, sec = 59", "year = 1970, month = 1, day = 1, hour = 0, min = 59, sec = 59", "year = 1900, month = 1, day = 1", "year = 3000, month = 1, day = 1",
  "year = '2020', month = '1', day = '1'", "year = '0x7e4', month = 1, day = 1", "year = 2020.9, month = 1.9, day = 1.9", "year = 2020, month = 1, day = 'x'", "year = 2020, month = 1, day = {}", "year = 2020, month = 1, day = 1, hour = 'x'", "year = 2020, month = 1, day = 1, isdst = 0",
  "year = 0, month = 1, day = 1", "year = -1, month = 1, day = 1", "year = 2020, month = 1, day = 1e9", "year = 2^31 + 1900, month = 1, day = 1", "year = 2024, month = 10, day = 27, hour = 1"} do try("os.time{" .. t .. "}") end
try[[os.time(setmetatable({}, {__index = function(t, k) return ({year = 2001, month = 2, day = 3})[k] end}))]]
try[[os.difftime(5, 3)]] try[[os.difftime(5)]] try[[os.difftime(5, nil)]] try[[os.difftime()]] try[[os.difftime("7", 2)]] try[[os.difftime(1.9, 0.2)]] try[[os.difftime({}, 1)]] try[[os.difftime(1, {})]] try[[os.difftime(-1.9, 0)]]
try[[type(os.clock())]] try[[os.clock() >= 0]] run[[local c = os.clock() for i = 1, 1e4 do end return os.clock() >= c]]
