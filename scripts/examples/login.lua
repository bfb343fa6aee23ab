-- login.lua: answers the challenge that a device sends on open, and shows nothing of it.
-- The device says "challenge TEXT" and wants "login NAME MD5", of the password and TEXT.
--
-- usage: ws76 connect ws://device.local/ --script login.lua --script-arg name=admin --script-arg password-file=password.txt
--
-- sample output, of a device that sends "challenge 4711" and then "welcome admin":
--   welcome admin

local password

function on_start(args)
  password = assert(ws76.read_file(args["password-file"])):gsub("%s+$", "")
end

function on_message(conn, data)
  local challenge = data:match("^challenge (.+)$")
  if challenge then
    conn:send(("login %s %s"):format(args.name, ws76.md5(password .. challenge)))
    return false
  end
end
