-- Takes sources from standard input, each with its length in front, and writes what loadstring says of each.
while true do
  local length = io.read("*l")
  if not length then break end
  local source = tonumber(length) > 0 and io.read(tonumber(length)) or ""
  local _, message = loadstring(source, "=s")
  message = message or "ok"
  io.write(#message, "\n", message)
  io.flush()
end
