-- Section 5.4 of the manual, strings. Bytes of zero in patterns and formats are left open there, and are not here.
local names = {"byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "rep", "reverse", "sub", "upper", "gfind"}
for _, f in ipairs(names) do
  try("string." .. f .. "()")
  for _, v in ipairs{"nil", "true", "{}", "print", "'x', nil", "'x', {}", "'x', 'y', {}", "'x', 'y', 'z', {}", "12, 34", "12, 34, 56"} do
    if not (f:find("^g[mf]") and v:find("^'x', 'y'") or f:find("^g[mf]") and v:find("^12")) then try("string." .. f .. "(" .. v .. ")") end
  end
  try("('x'):" .. f .. "({})") try("('x'):" .. f .. "('x', {})") try("('x'):" .. f .. "('x', 'y', {})")
end
run[[local f = string.upper f()]] run[[local t = {up = string.upper} t.up()]] run[[local t = {s = string} t.s.rep("x")]] run[[up = string.upper up({})]] run[[local t = {string.upper} t[1]()]] run[[("x").rep()]] run[[string.upper:x()]]
try[[("x"):nothing()]] try[[string.nothing()]] try[[("x").y.z]] try[[#string.rep("x", 2^32 + 3)]]
-- sub, byte with every position
local places = {"0", "1", "2", "3", "5", "6", "-1", "-2", "-5", "-6", "100", "-100", "1.9", "-1.9", "'2'", "1e300", "-1e300", "1/0", "-1/0", "0/0", "2^31", "2^32 + 2", "2^53"}
for _, i in ipairs(places) do
  try("('hello'):sub(" .. i .. ")") try("('hello'):byte(" .. i .. ")") try("('hello'):find('l', " .. i .. ")") try("('hello'):find('', " .. i .. ")") try("('hello'):match('.', " .. i .. ")") try("('hello'):find('l', " .. i .. ", true)")
  for _, j in ipairs(places) do try("('hello'):sub(" .. i .. ", " .. j .. ")") end
  for _, j in ipairs{"0", "2", "-1", "100", "2^53", "-1e300"} do try("('hello'):byte(" .. i .. ", " .. j .. ")") end
end
try[[(""):byte()]] try[[("x"):rep(9000):byte(1, -1)]] try[[("a\0b"):byte(1, -1)]] try[[("\255\128"):byte(1, 2)]]
for _, n in ipairs{"-1", "0", "1", "3", "2.9", "'2'", "1/0", "-1/0", "0/0", "2^32 + 2", "-2^32 - 1"} do try("('ab'):rep(" .. n .. ")") try("(''):rep(" .. n .. ")") end
for _, c in ipairs{"65", "0", "255", "256", "-1", "65.9", "'65'", "1/0", "0/0", "2^32 + 65", "65, 66, 67", "65, -1", "65, {}", "{}"} do try("string.char(" .. c .. ")") end
run[[local all = {} for i = 0, 255 do all[i + 1] = string.char(i) end all = table.concat(all) return all:upper(), all:lower(), all:reverse(), #all]]
for _, class in ipairs{"a", "c", "d", "l", "p", "s", "u", "w", "x", "z"} do
  run(("local n = {} for i = 0, 255 do if string.char(i):find('%%%s') then n[#n + 1] = i end end return table.concat(n, ' ')"):format(class))
  run(("local n = {} for i = 0, 255 do if string.char(i):find('[^%%%s]') then n[#n + 1] = i end end return #n"):format(class))
  run(("local n = {} for i = 0, 255 do if string.char(i):find('%%%s') then n[#n + 1] = i end end return #n"):format(class:upper()))
end
-- patterns
local subjects = {"", "a", "hello world", "THE (quick) fox", "key = value", "a,b,,c", "((a)(b))", "abcabc", "  2024-01-02 ", "\\0a]\\195\\169"}
local patterns = {"", "a", ".", ".*", ".-", ".+", ".?", "a*", "a+", "a-", "a?", "^", "$", "^$", "^a", "a$", "^a*$", "^%s*(.-)%s*$", "()", "()a()", "(a)", "(.)(.)", "((.)(.))", "(.)%1", "(%w+)%s*=%s*(%w+)", "%a+", "%A+", "%d+", "%D", "%s", "%S+", "%w", "%W", "%p", "%P",
  "%l", "%u+", "%x+", "%c", "%z", "%.", "%%", "%(", "[abc]", "[^abc]", "[a-c]+", "[^a-c]+", "[%a_]", "[%w]+", "[]]", "[^]]", "[a-]", "[-a]", "[]-a]", "[%]]", "[%%]", "[a%-z]", "[z-a]", "%b()", "%b[]", "%baa", "%f[%a]%a+", "%f[%w]", "%f[^%w]", "%f[%z]", "$a", "a^", "(^a)", "[$^]", "*", "+a", "?", "-",
  "a**", "(a*(.)%w(%s*))", "(a*)*", "()()", "(()a)", "%d%d%d%d%-%d%d%-%d%d", "=(.*)", ",*", "[^,]*", "(.-),", "%g", "%q", "\\195\\169"}
local bad = {"%", "[", "[a", "[]", "[^]", "[^", "[%", "[a%", "[%]", "(", "(a", "a)", ")", "(()", "%1", "(a)%2", "(%1)", "%0", "%9", "%b", "%b(", "%f", "%fa", "[a-", "[a-%", "a%", "()%1", "(()", "[[]", "[%a-z", "[a]]", "%b", "(a%b(", "x*%", "(.-)%"}
for _, s in ipairs(subjects) do
  for _, p in ipairs(patterns) do
    try(('("%s"):find("%s")'):format(s, p)) try(('("%s"):gsub("%s", "<%%0>")'):format(s, p))
    run(('local r = {} for a, b in ("%s"):gmatch("%s") do r[#r + 1] = tostring(a) .. "/" .. tostring(b) end return table.concat(r, " ")'):format(s, p))
  end
end
for _, p in ipairs(bad) do
  for _, s in ipairs{"", "a", "(a)", "hello"} do
    try(('("%s"):find("%s")'):format(s, p)) try(('("%s"):match("%s")'):format(s, p)) try(('("%s"):gsub("%s", "x")'):format(s, p)) run(('for a in ("%s"):gmatch("%s") do end'):format(s, p))
  end
end
try[[("a"):find(("()"):rep(32))]] try[[("a"):find(("()"):rep(33))]] try[[("x"):rep(300):match(".-b")]] try[[("a.b"):find(".", 1, true)]] try[[("a.b"):find(".", 2, true)]] try[[("a+b"):find("+", 1, 1)]]
try[[("a+b"):find("+", 1, false)]] try[[("a+b"):find("", 10)]] try[[("a+b"):find("", 10, true)]] try[[("abc"):find("b", -1)]] try[[("abc"):find("b", -2)]] try[[("a\nb"):match("a.b")]] try[[(123):rep(2)]] try[[("x"):find("x", nil, true)]]
try[[string.find(123, 2)]] try[[string.match(12.5, "%.")]] try[[string.gsub(121, 1, 9)]]
-- gsub
for _, r in ipairs{"''", "'x'", "'%0'", "'%1'", "'%2'", "'%9'", "'%%'", "'%'", "'a%'", "'%x'", "'%d'", "'%%1'", "5", "1.5", "nil", "true", "print", "{}", "{a = 1}", "{a = false}", "{a = true}", "{a = {}}", "{a = 'y', b = 2}", "function() end", "function() return false end", "function() return true end",
  "function() return {} end", "function(x) return x .. x end", "function(...) return select('#', ...) end", "function() error('in gsub') end", "function() error({}) end", "setmetatable({}, {__index = function(t, k) return k .. '!' end})", "function(a, b) return b end"} do
  for _, p in ipairs{"a", "(a)", "()a", "(a)(b)", "(.)", "", "z"} do try(("('abab'):gsub('%s', %s)"):format(p, r)) end
end
for _, n in ipairs{"0", "1", "2", "-1", "100", "1.9", "'1'", "nil", "1/0", "2^32 + 1"} do try("('aaaa'):gsub('a', 'b', " .. n .. ")") try("('aaaa'):gsub('', '-', " .. n .. ")") try("('aaaa'):gsub('^a', 'b', " .. n .. ")") end
try[[("abc"):gsub("%w", "%%%0")]] try[[("hello world"):gsub("o", {o = "0"}, 1)]] try[[("abc"):gsub("", "")]] try[[("abc"):gsub("b*", "-")]] try[[("abc"):gsub(".", {a = 1, b = true})]] try[[("hello"):gsub("l+", function(s) return #s end)]] try[[("abc"):gsub("(b)()", "%2")]]
try[[("x = $y"):gsub("%$(%w+)", {y = "z"})]] try[[("abc"):gsub("^", "x")]] try[[("abc"):gsub("$", "x")]] try[[("a b c"):gsub("%s", "%%")]] try[[("abc"):gsub("b", "[%1]")]] try[[("abc"):gsub("()", "%1")]]
try[[select("#", ("x"):gmatch("x"))]] run[[local f = ("ab"):gmatch(".") return f(), f(), f(), f()]] run[[local f = ("ab"):gmatch("()") return f(), f(), f(), f()]] run[[local f = ("aab"):gmatch("^a") return f(), f()]] run[[for k, v in ("a=1,b=2"):gmatch("(%w)=(%w)") do if k == "b" then return v end end]]
-- format
local numbers = {"0", "1", "-1", "42", "-42", "3.7", "-3.7", "1e10", "2^31", "2^32", "-2^31", "2^53", "2^63", "-2^63", "2^64", "1e300", "1/0", "-1/0", "'10'", "'0x10'", "' 7 '", "0.1", "123456.789", "1e-5", "255", "65"}
for _, c in ipairs{"d", "i", "u", "o", "x", "X", "e", "E", "f", "g", "G"} do
  for _, flags in ipairs{"", "5", "-5", "05", "+", " ", "#", ".0", ".3", ".10", "+8.3", "-8.3", "08.3", "#.0", "+05", "- 6", "020", "#x"} do
    local format = flags == "#x" and "%#10" .. c or "%" .. flags .. c
    for _, n in ipairs(numbers) do
      if not ((c == "u" or c == "o" or c:lower() == "x") and (n:find("/0") or n == "2^64" or n == "1e300")) then try(("string.format(%q, %s)"):format(format, n)) end
    end
  end
  try(("string.format('%%%s')"):format(c)) try(("string.format('%%%s', nil)"):format(c)) try(("string.format('%%%s', 'x')"):format(c)) try(("string.format('%%%s', {})"):format(c)) try(("string.format('%%%s', true)"):format(c))
end
for _, s in ipairs{"''", "'a'", "'hello'", "'a b'", "12", "1.5", "1e15", "nil", "true", "{}", "print", "('x'):rep(99)", "('x'):rep(120)", "setmetatable({}, {__tostring = function() return 'T' end})"} do
  for _, f in ipairs{"%s", "%5s", "%-5s|", "%.2s", "%5.2s|", "%-5.2s|", "%.0s", "%10.20s", "%05s", "%q", "%5q", "%c", "%3c", "%-3c|"} do
    if not (f:find("c") and (s:find("rep") or s == "1e15")) then try(("string.format(%q, %s)"):format(f, s)) end
  end
end
try[[string.format("%q", "a\nb\r\0c\\d\"e\200\t\1")]] try[[string.format("%q", "\0001")]] try[[string.format("%q", 12)]] try[[string.format("%q", 1e15)]] try[[string.format("%c%c%c", 65, 66, 67)]] try[[string.format("%c", 256 + 65)]] try[[string.format("%c", -191)]]
for _, f in ipairs{"%", "%%", "%y", "%a", "%A", "%F", "%p", "%n", "%5", "%-", "%5.", "%.y", "%ld", "%hd", "%100d", "%1.100f", "%.100f", "%000000d", "%------d", "%+++++d", "% d%", "%99d", "%.99f", "%#x", "%*d", "%1$d", "%v", "%S", "%C", "abc%", "%\\n", "%d %d", "%5%", "%-%", "%10"} do
  try(('string.format("%s", 5)'):format(f)) try(('string.format("%s")'):format(f))
end
try[[string.format("no conversions")]] try[[string.format("")]] try[[string.format("%d", 1, 2, 3)]] try[[string.format("%s %s", 1)]] try[[string.format(5)]] try[[string.format("%s", 1, 2)]] try[[("%d!"):format(3)]] try[[string.format("%s", "x"):rep(3)]] try[[string.format("%.3f %5s|%-5d|", 1.5, "ab", 7)]]
try[[string.format("%.14g", 2^53)]] try[[string.format("%.20f", 0.1)]] try[[string.format("%.50f", 1/3)]] try[[string.format("%99.99f", 1/3)]] try[[string.format("%g", 100000)]] try[[string.format("%g", 1000000)]] try[[string.format("%g", 1e-4)]] try[[string.format("%#g", 1)]] try[[string.format("%a", 1)]]
run[[local z = 0 return string.format("%g %f %e %d %+g", -z, -z, -z, -z, -z)]] try[[("x"):len()]] try[[("a\0b"):len()]] try[[("abc"):reverse()]] try[[(""):reverse()]] try[[("abc"):upper():lower()]] try[[string.len(123)]] try[[string.reverse(123)]] try[[string.upper(1e15)]]
