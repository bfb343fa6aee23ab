-- Section 5.5 of the manual, tables.
for _, f in ipairs{"concat", "insert", "maxn", "remove", "sort", "getn", "setn", "foreach", "foreachi"} do
  try("table." .. f .. "()")
  for _, v in ipairs{"nil", "1", "'x'", "print"} do try("table." .. f .. "(" .. v .. ")") end
  try("table." .. f .. "({}, {})") try("table." .. f .. "({1, 2}, true)") try("table." .. f .. "({3}, 'x')") try("table." .. f .. "({3}, nil)")
end
-- insert
for _, a in ipairs{"{1, 2, 3}, 9", "{}, 9", "{1, 2, 3}, 1, 9", "{1, 2, 3}, 2, 9", "{1, 2, 3}, 3, 9", "{1, 2, 3}, 4, 9", "{1, 2, 3}, 6, 9", "{1, 2, 3}, 0, 9", "{1, 2, 3}, -2, 9", "{}, 3, 9", "{1}, '1', 9", "{1, 2}, 1.9, 9",
  "{1}, 1", "{1}, 1, 2, 3", "{1}, nil", "{1}, 1, nil", "{1, 2}, 2, nil", "{1}, {}, 2", "{1}, 'x', 2", "{1, 2}, 2^32 + 1, 9", "{}, 1, 9", "{[1] = 1, [2] = 2, x = 3}, 2, 9"} do
  run("local function f(t, ...) table.insert(t, ...) return t end return f(" .. a .. ")")
end
-- remove
for _, a in ipairs{"{1, 2, 3}", "{}", "{1}", "{1, 2, 3}, 1", "{1, 2, 3}, 2", "{1, 2, 3}, 3", "{1, 2, 3}, 4", "{1, 2, 3}, 0", "{1, 2, 3}, -1", "{1, 2, 3}, '2'", "{1, 2, 3}, 2.9", "{1, 2}, {}", "{1, 2}, nil", "{}, 1", "{}, 0", "{x = 1}", "{n = 5}"} do
  run("local function f(t, ...) return t, select('#', table.remove(t, ...)), table.remove(t, ...) end return f(" .. a .. ")")
end
run[[local t = {} for i = 1, 50 do table.insert(t, 1, i) end local r = {} while #t > 0 do r[#r + 1] = table.remove(t, 1) end return table.concat(r, ",")]]
run[[local t = {1, 2, 3} t[#t] = nil t[#t] = nil table.insert(t, 7) return t, #t]] run[[local t = {1, 2, 3} t[3] = nil table.insert(t, 1, 0) return t, #t]]
-- concat
for _, a in ipairs{"{}", "{1, 2, 3}", "{1, 2, 3}, ', '", "{1, 2, 3}, ', ', 2", "{1, 2, 3}, ', ', 2, 3", "{1, 2, 3}, ', ', 3, 2", "{1, 2, 3}, '', 0, 1", "{1, 2, 3}, '-', 2, 5", "{{}}", "{1, {}}", "{1, nil, 3}, ',', 1, 3", "{true}", "{print}", "{1, 2}, 3",
  "{1, 2}, {}", "{1, 2}, ',', {}", "{1, 2}, ',', 1, {}", "{1, 2}, ',', '1', '2'", "{1, 2}, ',', 1.9, 2.9", "{1.5, 'x', -0.5}", "{[0] = 'a', 'b'}, ',', 0", "{[-1] = 'a', [0] = 'b', 'c'}, ',', -1, 1", "1", "{1, 2}, nil, nil, nil", "{'a', 'b'}, 'xy', 1, 1", "{}, 'x', 1, 1e15",
  "{1e15, 2^53, 0.1}", "5, {}"} do try("table.concat(" .. a .. ")") end
-- sort
for _, a in ipairs{"{}", "{1}", "{2, 1}", "{3, 1, 2}", "{5, 2, 8, 1, 9, 3}", "{'b', 'a', 'c'}", "{'B', 'a', 'C', ''}", "{'a\\0b', 'a', 'a\\0a'}", "{1, 'x'}", "{1, {}}", "{{}, {}}", "{1, 2, nil, 3}", "{true, false}", "{print, print}", "{1, nil}", "{'10', '9', '1'}", "{0/0, 1, 2}",
  "{3, 2, 1}, nil", "{3, 2, 1}, function(a, b) return a > b end", "{1, 2, 3}, 5", "{1, 2, 3}, function() error('x') end", "{1, 2, 3}, function() error({}) end", "{3, 1, 2}, function(a, b) return nil end",
  "{3, 1, 2, 5, 4}, function(a, b) return true end", "{1, 2, 3, 4, 5, 6, 7, 8}, function(a, b) return true end", "{1, 1, 1, 1, 1}, function(a, b) return a <= b end", "{1, 1, 1, 1, 1}, function(a, b) return a < b end", "{2, 1, '3'}"} do
  run("local function f(t, g) table.sort(t, g) return t end return f(" .. a .. ")")
end
run[[local t = {} for i = 1, 200 do t[i] = (i * 7919) % 211 end table.sort(t) return table.concat(t, " ")]]
run[[local t = {} for i = 1, 100 do t[i] = {k = i % 5, i = i} end table.sort(t, function(a, b) return a.k < b.k end) local r = {} for i, v in ipairs(t) do r[i] = v.k .. ":" .. v.i end return table.concat(r, " ")]]
run[[local t, n = {}, 0 for i = 1, 60 do t[i] = (i * 37) % 61 end table.sort(t, function(a, b) n = n + 1 return a > b end) return n, table.concat(t, " ")]]
run[[local m = {__lt = function(a, b) return a.v < b.v end} local t = {} for i = 1, 9 do t[i] = setmetatable({v = (i * 5) % 9}, m) end table.sort(t) local r = {} for i, x in ipairs(t) do r[i] = x.v end return r]]
run[[local t = {} for i = 1, 30 do t[i] = i end local calls = {} table.sort(t, function(a, b) calls[#calls + 1] = a .. "<" .. b return a < b end) return table.concat(calls, " ")]]
-- maxn, getn, foreach, foreachi
for _, a in ipairs{"{}", "{1, 2, 3}", "{[10] = 1}", "{[1.5] = 1}", "{[-1] = 1}", "{x = 1}", "{1, 2, nil, 4}", "{[1e10] = 1, 2}", "{['5'] = 1}"} do try("table.maxn(" .. a .. ")") end
try[[table.getn{1, 2, 3}]] try[[table.getn{n = 5}]] try[[table.getn(setmetatable({}, {__len = function() return 5 end}))]] try[[table.setn({}, 1)]]
run[[local r = {} table.foreachi({5, 6, 7}, function(i, v) r[#r + 1] = i .. v end) return r]] try[[table.foreachi({5, 6, 7}, function(i, v) if v == 6 then return i, 9 end end)]] try[[table.foreach({5}, function(k, v) return v end)]]
run[[local n = 0 table.foreach({1, 2, a = 3}, function(k, v) n = n + v end) return n]] try[[table.foreach({5}, function() error("x") end)]] try[[table.foreach({}, 1)]] try[[table.foreachi({1}, function() return false end)]]
try[[#{1, 2, 3}]] try[[#{}]] try[[#{n = 1}]] run[[local t = {10, 20, 30} t[4] = 40 t[#t + 1] = 50 return #t, t[#t] ]]
