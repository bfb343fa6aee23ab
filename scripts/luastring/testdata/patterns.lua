-- Patterns as the manual of Lua 5.1 (section 5.4.1) has them. Each line is a fact; eq compares lists.
local function eq(got, want)
  for i = 1, math.max(#got, #want) do
    if got[i] ~= want[i] then
      error(string.format("value %d: got %q, want %q", i, tostring(got[i]), tostring(want[i])), 2)
    end
  end
end
local function find(...) return {string.find(...)} end
local function match(...) return {string.match(...)} end
local function gsub(...) return {string.gsub(...)} end

-- find: positions, init, plain
eq(find("hello world", "wor"), {7, 9})
eq(find("hello", "l"), {3, 3})
eq(find("hello", "l", 4), {4, 4})
eq(find("hello", "l", 5), {})
eq(find("hello", "l", -2), {4, 4})
eq(find("hello", "h", -100), {1, 1})
eq(find("hello", ""), {1, 0})
eq(find("hello", "", 3), {3, 2})
eq(find("hello", "", 6), {6, 5})
eq(find("hello", "", 60), {6, 5})
eq(find("", ""), {1, 0})
eq(find("a.c", ".c", 1, true), {2, 3})
eq(find("abc", ".c", 1, true), {})
eq(find("a+b", "+b"), {2, 3})
eq(find("a.b", "%."), {2, 2})
eq(find("x=12", "(%a)=(%d+)"), {1, 4, "x", "12"})
eq(find("ab", "()b()"), {2, 2, 2, 3})
eq(find("a\0b\0c", "\0c"), {4, 5})
eq(find("a\0b", "%z"), {2, 2})
eq(find(1234, 23), {2, 3})
eq(find("abc", "b", "2"), {2, 2})

-- single characters and classes
eq(match("aB3 _\t", "%a%u%d%s%p%c"), {"aB3 _\t"})
eq(match("fF0g", "%x+"), {"fF0"})
eq(match("ab12-", "%w+"), {"ab12"})
eq(match("--ab", "%W+"), {"--"})
eq(match("aé", "%A+"), {"é"})
eq(match("a%b", "%%"), {"%"})
eq(match("[x]", "%[(.)%]"), {"x"})
eq(match("x", "%y"), {})
eq(match("y", "%y"), {"y"})
eq(match("\11", "%s"), {"\11"})

-- sets
eq(match("hello", "[aeiou]"), {"e"})
eq(match("hello", "[^h]+"), {"ello"})
eq(match("a-b", "[a%-b]+"), {"a-b"})
eq(match("a-b", "[-a]+"), {"a-"})
eq(match("b-a", "[a-]+"), {"-a"})
eq(match("]]x", "[]]+"), {"]]"})
eq(match("x]", "[^]]+"), {"x"})
eq(match("0x1F", "[%x]+"), {"0"})
eq(match("az%", "[%%a]+"), {"a"})
eq(match("m", "[a-lm-z]"), {"m"})
eq(match("é", "[\128-\255]+"), {"é"})
eq(match("c", "[d-a]"), {})
eq(match("a^", "[%^a]+"), {"a^"})

-- repetitions
eq(match("aaab", "a*"), {"aaa"})
eq(match("aaab", "b*"), {""})
eq(match("aaab", "a+b"), {"aaab"})
eq(match("aaab", "a-b"), {"aaab"})
eq(match("b", "a-b"), {"b"})
eq(match("<a><b>", "<(.-)>"), {"a"})
eq(match("<a><b>", "<(.*)>"), {"a><b"})
eq(match("color colour", "colou?r", 2), {"colour"})
eq(match("a**", "a%*+"), {"a**"})
eq(match("*a", "*a"), {"*a"})
eq(match("ab", "^a?b?c?$"), {"ab"})
eq(match("aXb", "a.b"), {"aXb"})

-- anchors
eq(match("hello", "^h"), {"h"})
eq(match("hello", "^e"), {})
eq(match("hello", "^l", 3), {"l"})
eq(match("hello", "o$"), {"o"})
eq(match("a$b", "a$b"), {"a$b"})
eq(match("a^b", "a^b"), {"a^b"})
eq(match("a$", "a%$$"), {"a$"})
eq(match("", "^$"), {""})
eq(match("abc", "$"), {""})

-- captures
eq(match("key = value", "^(%w+)%s*=%s*(%w+)$"), {"key", "value"})
eq(match("abc", "((a)(b))"), {"ab", "a", "b"})
eq(match("abc", "()"), {1})
eq(match("abc", "a()b()c()"), {2, 3, 4})
eq(match("say 'hi' \"x\"", "(['\"])(.-)%1"), {"'", "hi"})
eq(match("aa ab bb", "(%a)b%1"), {})
eq(match("abba", "(a)(b)%2%1"), {"a", "b"})

-- %b and %f
eq(match("f(a(b)c)d)", "%b()"), {"(a(b)c)"})
eq(match("((", "%b()"), {})
eq(match("|a|b|", "%b||"), {"|a|"})
eq(match("THE (quick) fox", "%f[%a]%a+%f[%A]", 5), {"quick"})
eq(gsub("aaa aa a", "%f[%w]%w+", "x"), {"x x x", 3})
eq(find("[[]] [][] [[[[", "%f[[].", 6), {6, 6})
eq(match("abc", "%f[%z]"), {""})
eq(match("abc", "%f[\0]"), {""})

-- gmatch
local words = {}
for w in string.gmatch("one two  three", "%a+") do words[#words + 1] = w end
eq(words, {"one", "two", "three"})
local pairs_ = {}
for k, v in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do pairs_[#pairs_ + 1] = k .. v end
eq(pairs_, {"a1", "b2"})
local places = {}
for p in ("abc"):gmatch("()") do places[#places + 1] = p end
eq(places, {1, 2, 3, 4})
local empties = {}
for e in ("abc"):gmatch("%d*") do empties[#empties + 1] = e end
eq(empties, {"", "", "", ""})
local carets = {}
for c in ("^a^a"):gmatch("^a") do carets[#carets + 1] = c end
eq(carets, {"^a", "^a"}) -- no anchor here

-- gsub
eq(gsub("hello world", "o", "0"), {"hell0 w0rld", 2})
eq(gsub("hello world", "o", "0", 1), {"hell0 world", 1})
eq(gsub("hello", "o", "0", 0), {"hello", 0})
eq(gsub("hello", "o", "0", -1), {"hello", 0})
eq(gsub("hello", "", "-"), {"-h-e-l-l-o-", 6})
eq(gsub("hello", "x*", "-"), {"-h-e-l-l-o-", 6})
eq(gsub("hello world", "(o)", "<%1>"), {"hell<o> w<o>rld", 2})
eq(gsub("hello", "%w+", "%0 %0"), {"hello hello", 1})
eq(gsub("hello", "%w+", "%1"), {"hello", 1})
eq(gsub("ab cd", "(%w)(%w)", "%2%1"), {"ba dc", 2})
eq(gsub("100", "%d+", "%0%%"), {"100%", 1})
eq(gsub("abc", "b", "%x"), {"axc", 1})
eq(gsub("abc", "^a", "x"), {"xbc", 1})
eq(gsub("aaa", "^a", "x"), {"xaa", 1})
eq(gsub("abc", "()", "%1"), {"1a2b3c4", 4})
eq(gsub("abc", ".", {a = "1", b = 2, c = false}), {"12c", 3})
eq(gsub("$name is $what", "%$(%w+)", {name = "lua", what = "small"}), {"lua is small", 2})
eq(gsub("abc", "%w", function(c) if c == "b" then return "B" end end), {"aBc", 3})
eq(gsub("abc", "%w", function() return false end), {"abc", 3})
eq(gsub("abc", "(a)(b)", function(x, y) return y .. x end), {"bac", 1})
eq(gsub("abc", "b", 7), {"a7c", 1})
eq(gsub(123, 2, 0), {"103", 1})
eq(gsub("abc", "b*", "-"), {"-a--c-", 4})
eq(gsub("  trim  ", "^%s*(.-)%s*$", "%1"), {"trim", 1})
eq(gsub("abc", "%w", setmetatable({}, {__index = function(_, k) return k .. k end})), {"aabbcc", 3})
eq(gsub("abcdef", "%w%w", function(p) return (gsub(p, "%w", "%0.")[1]) end), {"a.b.c.d.e.f.", 3})
