-- login.lua: answers the challenge that a device sends on open, and shows nothing of it.
-- The device says "challenge TEXT" and wants "login NAME MD5", of the password and TEXT.
--
-- usage: ws76 connect ws://device.local/ --script login.lua --script-arg name=admin --script-arg password-file=password.txt
--
-- sample output, of a device that sends "challenge 4711" and then "welcome admin":
--   welcome admin

-- Without it nothing works, so the script does not load.
local password = assert(ws76.read_file(args["password-file"] or "password.txt")):gsub("%s+$", "")

function on_message(conn, data)
  local challenge = data:match("^challenge (.+)$")
  if challenge then
    conn:send(("login %s %s"):format(args.name or "admin", ws76.md5(password .. challenge)))
    return false
  end
end
