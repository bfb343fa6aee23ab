-- NAME: a plugin of ws76. It is used with --plugin NAME, and loaded anew whenever this
-- file is saved: connections stay open.

-- The manifest is read without running the code, so it is written out.
plugin = {
  name = "NAME",
  version = "0.1.0",
  summary = "marks what comes in",
  options = {
    { name = "mark", type = "string", default = "NAME: ", help = "what to put before each message" },
  },
  commands = {
    ["NAME-send"] = {
      summary = "sends one message and prints the answer",
      usage = "URL TEXT",
      run = function(args)
        if #args ~= 2 then return nil, "want a URL and a text" end
        local conn = assert(ws76.connect(args[1]))
        local answer = assert(conn:request(args[2], { timeout = 5 }))
        print(answer)
        conn:close()
      end,
    },
  },
}

-- A message came from the peer. Return nothing to pass it on, false to drop it, a
-- string to replace it, a list for several.
function on_message(conn, data, kind)
  if kind == "text" then return options.mark .. data end
end

-- More hooks: on_open(conn), on_send(conn, data, kind), on_close(conn, info), on_line(line).
-- See man ws76-scripting, and ws76 plugin info NAME.
