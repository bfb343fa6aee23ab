for f, flag in pairs({
  ["io.open('/x')"] = "--allow read=/x", ["io.open('/x', 'a')"] = "--allow write=/x", ["io.write('x')"] = "--allow stdio", ["io.popen('x')"] = "--allow exec=sh",
  ["os.execute('x')"] = "--allow exec=sh", ["os.remove('/x')"] = "--allow write=/x", ["os.getenv('X')"] = "--allow env=X", ["os.setenv('X', '')"] = "--trust-scripts",
  ["debug.getinfo(1)"] = "--trust-scripts", ["dofile('/x')"] = "--allow read=/x", ["loadfile('/x')"] = "--allow read=/x", ["ws76.env('X')"] = "--allow env=X",
}) do
  local v, message, name = assert(loadstring("return " .. f))()
  if v ~= nil or name ~= "not allowed" or not message:find(flag, 1, true) then error(f .. ": " .. tostring(message)) end
end
eq(io.stdout, nil)
assert(os.time() > 1e9 and os.date("%Y") and os.clock() and os.difftime(2, 1) == 1)
assert(debug.traceback())
