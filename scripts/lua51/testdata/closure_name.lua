-- What a closure takes from outside is listed behind the instruction that makes it, and names nothing.
local a
local function f()
  print(pcall(function() return #function() return a end end))
end
f()
