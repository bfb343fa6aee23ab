-- The part of the library that must be Lua: what waits is a coroutine that yields,
-- and in this interpreter only Lua code can be gone on with after a yield.
local create, create_protected, resume, yield, token, idle, plain, plainx, dead, id, plain_pcall, plain_xpcall, handle, arm, rethrow = ...
local rawequal = rawequal

-- The values that a yield returns are taken by a call that takes any number: with a
-- fixed number the interpreter reads values that are not there.
local function waiting(f)
  return function(...) return id(f(...)) end
end

-- guarded is a coroutine in which f runs, which may be a function that is not Lua code.
-- Its errors read as in Lua.
local function guarded(f)
  return create(function(...) arm() return id(f(...)) end)
end

-- protected is one for a protected call, whose errors go through the handler where they
-- are raised.
local function protected(f, handler)
  return create_protected(function(...) arm(handler) return id(f(...)) end)
end

-- failed is what a protected call returns for an error. An overflow of the stack has left
-- no room for the handler, which is called now.
local function failed(handler, e, overflow)
  if overflow and handler ~= nil then return handle(handler, e) end
  return false, e
end

-- step goes on with a coroutine until it ends, and hands its yields on.
local function step(co, handler, ok, ...)
  if not ok then return failed(handler, ...) end
  if dead(co) then return true, ... end
  return step(co, handler, resume(co, yield(...)))
end

-- In a coroutine the interpreter's own pcall would lose a yield. So the function
-- gets a coroutine of its own there.
local function call_in(co, f, ...) return step(co, nil, resume(co, ...)) end

local function pcall(...)
  if plain(...) then return plain_pcall(...) end
  return call_in(protected((...)), ...)
end

local function xpcall_in(f, handler)
  local co = protected(f, handler)
  return step(co, handler, resume(co))
end

local function xpcall(...)
  if plainx(...) then return plain_xpcall(...) end
  local f, handler = ...
  return xpcall_in(f, handler or false)
end

-- A wait in a coroutine of the script's own is one of the task that it runs in.
local function pass(co, ok, ...)
  if not ok then return false, (...) end
  if rawequal((...), token) and not dead(co) then
    return pass(co, resume(co, yield(...)))
  end
  return true, ...
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
