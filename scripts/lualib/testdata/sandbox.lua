for _, f in ipairs({"io.open", "io.write", "os.execute", "os.remove", "os.getenv", "debug.getinfo", "dofile", "loadfile", "ws76.exec", "ws76.http", "ws76.env"}) do
  local call = assert(loadstring("return " .. f .. "('x')"))
  raises(f .. " is not available to scripts that are not trusted; start with --trust-scripts to allow it", call)
end
assert(os.time() > 1e9 and os.date("%Y") and os.clock() and os.difftime(2, 1) == 1)
assert(debug.traceback())
