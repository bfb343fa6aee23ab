-- What this script does, in one line.
--
-- usage: ws76 connect ws://device.local/ --script FILE.lua
--        (serve, bridge and frame take --script as well; save the file and it is loaded anew)
-- check: ws76 script check FILE.lua

-- What a hook fails at passes unchanged. A script that masks or keeps back something says this, and then it is dropped:
fail = "drop"

-- A function with one of these names is called for its event. Delete those you do not need:
-- a hook that is not there costs nothing. All of them: docs/scripting.md, or ws76-scripting(7).

-- The connection is open.
function on_open(conn)
  ws76.log.info("open: " .. conn.remote .. " speaks " .. conn.dialect)
end

-- A message came from the other side. data is a string of bytes, kind "text" or "binary".
-- Return nothing to pass it on as it is, a string to replace it, false to drop it,
-- {"one", "two"} to pass on several.
function on_message(conn, data, kind)
  if data:find("secret", 1, true) then
    return false                            -- this one is dropped
  end
  return (data:gsub("%d%d%d%d", "****"))    -- four digits in a row are masked
end

-- A message is on its way to the other side. The same results do the same.
function on_send(conn, data, kind)
  return data
end

-- The connection is closed.
function on_close(conn, info)
  ws76.log.info("closed " .. (info.clean and "properly" or "not properly"))
end
