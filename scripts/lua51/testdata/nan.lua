-- What is no number is not even itself, but has its name in errors.
local function fails(f) print(select(2, pcall(f))) end
local n = 0/0
fails(function() local x = n return x.y end)
fails(function() return n.y end)
fails(function() local x = n x() end)
fails(function() local x = n return #x end)
fails(function() local x = n x.y = 1 end)
fails(function() local x = n return x:sub(1) end)
