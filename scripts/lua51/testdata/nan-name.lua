local k = 0/0
print(pcall(function() return k.x end), pcall(function() local n = 0/0 return n:sub(1) end))
