-- Section 5.6 of the manual, mathematics.
local one = {"abs", "acos", "asin", "atan", "ceil", "cos", "cosh", "deg", "exp", "floor", "frexp", "log", "log10", "modf", "rad", "sin", "sinh", "sqrt", "tan", "tanh"}
local values = {"0", "1", "-1", "0.5", "-0.5", "2", "10", "100", "1000", "1e6", "1e15", "0.1", "0.001", "3.7", "-3.7", "2.5", "-2.5", "1e300", "-1e300", "5e-324", "1/0", "-1/0", "0/0", "'2'", "' 0x10 '", "math.pi", "math.pi / 2"}
for _, f in ipairs(one) do
  for _, v in ipairs(values) do
    if not (f == "frexp" and (v:find("/0"))) then try("math." .. f .. "(" .. v .. ")") end
  end
  try("math." .. f .. "()") try("math." .. f .. "('x')") try("math." .. f .. "(nil)") try("math." .. f .. "({})") try("math." .. f .. "(4, 5)")
end
for _, f in ipairs{"atan2", "fmod", "mod", "pow", "ldexp", "max", "min"} do
  for _, x in ipairs{"0", "1", "-1", "5.5", "-5.5", "1/0", "-1/0", "'3'", "2^53"} do
    for _, y in ipairs{"0", "1", "-2", "3", "0.5", "1/0"} do
      if not (f == "ldexp" and y == "1/0") then try("math." .. f .. "(" .. x .. ", " .. y .. ")") end
    end
  end
  try("math." .. f .. "()") try("math." .. f .. "(1)") try("math." .. f .. "(1, 'x')") try("math." .. f .. "({}, 1)") try("math." .. f .. "(1, nil)") try("math." .. f .. "(3, 1, 2)")
end
for i = -300, 300, 25 do try("math.log10(1e" .. i .. ")") try("math.log10(1e" .. i .. ") == " .. i) end
try[[math.pi]] try[[math.huge]] try[[-math.huge]] try[[math.huge == 1/0]] try[[math.ldexp(1, 2^32 + 3)]] try[[math.ldexp(1, 2000)]] try[[math.ldexp(1, -1074)]] try[[math.ldexp(1.5, 2.9)]]
try[[math.max(1, 0/0)]] try[[math.min(1, '0')]] try[[math.max('10', '9')]] try[[math.max(1, 2, {})]] run[[local z = 0 return 1 / math.ceil(-0.5), 1 / math.modf(-0.5), 1 / math.abs(-z)]]
run[[local i, f = math.modf(-3.25) return i, f]] run[[local i, f = math.modf(1/0) return i, f]] run[[local i, f = math.modf(-1/0) return i, f]] try[[math.frexp(0)]] try[[math.frexp(8)]] try[[math.frexp(-0.3)]]
-- random
try[[math.random(0)]] try[[math.random(-5)]] try[[math.random(2, 1)]] try[[math.random(1, 2, 3)]] try[[math.random('x')]] try[[math.random({})]] try[[math.random(1, {})]] try[[math.random(1)]] try[[math.random(1.9)]] try[[math.random(5, 5)]] try[[math.random(-5, -5)]]
try[[math.random("1")]] try[[math.random(nil)]] try[[math.randomseed()]] try[[math.randomseed('x')]] try[[math.randomseed(1)]] try[[select("#", math.randomseed(1))]]
run[[for i = 1, 1000 do local r = math.random() if r < 0 or r >= 1 then return r end r = math.random(6) if r < 1 or r > 6 or r % 1 ~= 0 then return r end r = math.random(-3, 3) if r < -3 or r > 3 or r % 1 ~= 0 then return r end end return "fine"]]
run[[math.randomseed(42) local a = {math.random(), math.random(100), math.random(5, 9)} math.randomseed(42) local b = {math.random(), math.random(100), math.random(5, 9)} return a[1] == b[1], a[2] == b[2], a[3] == b[3] ]]
