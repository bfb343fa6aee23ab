local function f(...)
  local a, b, c = 1, 2, 3
  b, G1, a = "x", {}, (...)
  print(a, b, c, type(G1))
  c = (...)
  local d = (...) or "none"
  print(c, d, (...))
end
f()
f(7, 8)
print((0/0) ^ 2, (-8) ^ (1/3), 2 ^ 0.5, 10 ^ -2 == 0.01, (0/0) ^ 0)
