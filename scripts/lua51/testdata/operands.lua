local function two() return 2, 3 end
print("a" .. two(), 7 % two(), 2 ^ two(), (two()))
print(pcall(function(...) return (...) .. two() end, nil))
print(pcall(function(...) return ... .. "x" end, {}, 1))
