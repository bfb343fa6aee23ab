-- The part of the library that must be Lua: what waits is a coroutine that yields,
-- and in this interpreter only Lua code can be gone on with after a yield.
local create, resume, yield, token, idle, plain, plainx, dead, id, plain_pcall, plain_xpcall, arm, rethrow = ...
local rawequal = rawequal

-- The values that a yield returns are taken by a call that takes any number: with a
-- fixed number the interpreter reads values that are not there.
local function waiting(f)
  return function(...) return id(f(...)) end
end

-- guarded is a coroutine in which f runs, which may be a function that is not Lua code.
-- Its errors read as in Lua, and go through the handler where they are raised.
local function guarded(f, handler)
  return create(function(...) arm(handler) return id(f(...)) end)
end

-- step goes on with a coroutine until it ends, and hands its yields on.
local function step(co, ok, ...)
  if not ok then return false, ... end
  if dead(co) then return true, ... end
  return step(co, resume(co, yield(...)))
end

-- In a coroutine the interpreter's own pcall would lose a yield. So the function
-- gets a coroutine of its own there.
local function call_in(co, f, ...) return step(co, resume(co, ...)) end

local function pcall(...)
  if plain(...) then return plain_pcall(...) end
  return call_in(guarded((...)), ...)
end

local function xpcall(...)
  if plainx(...) then return plain_xpcall(...) end
  local co = guarded(...)
  return step(co, resume(co))
end

-- A wait in a coroutine of the script's own is one of the task that it runs in.
local function pass(co, ok, ...)
  if ok and rawequal((...), token) and not dead(co) then
    return pass(co, resume(co, yield(...)))
  end
  return ok, ...
end

local function check(ok, ...)
  if not ok then rethrow((...)) end
  return ...
end

local function wrap(f)
  local co = guarded(f)
  return function(...) return id(check(pass(co, resume(co, ...)))) end
end

-- A thread for functions that are called one after the other, each of which may wait.
local function call(fn, ...) fn(...) end

-- A task of a function that is not Lua code: a thread of one itself does not end as it should.
local function through(f, ...) return id(f(...)) end

local function run(...)
  call(...)
  while true do call(id(yield(idle))) end
end

return waiting, pcall, xpcall, wrap,
  guarded,
  function(co, ...) return pass(co, resume(co, ...)) end,
  function(...) return id(yield(...)) end,
  run, through
