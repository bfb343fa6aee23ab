-- redact.lua: drops messages with the word "secret" and masks four digits in a row, before anybody sees them.
--
-- usage: ws76 connect ws://device.local/ --script redact.lua
--        ws76 bridge ws://:8080 ws://device.local/ --script redact.lua
--
-- sample output, for the messages "card 1234 5678", "the secret" and "ok":
--   card **** ****
--   ok

fail = "drop" -- what this fails at does not pass

function on_message(conn, data, kind)
  if data:find("secret") then return false end
  return (data:gsub("%d%d%d%d", "****"))
end
