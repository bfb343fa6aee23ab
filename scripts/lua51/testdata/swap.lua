local x, y = 1, 2
x, y = y, x
print(x, y)
local ok = true
ok = ok and (type(x) and type(nil) == "x")
print(ok)
for k in pairs({10}) do
  if false then local dead end
  local after = k + 1
  print(after)
end
print(pcall(string.upper, "x"))
print("00042" + 0, pcall(function() return "1_000" + 0 end))
print(2^53, 1e15, 0.1 + 0.2)
