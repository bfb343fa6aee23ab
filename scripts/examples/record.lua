-- record.lua: writes every message to a file, one JSON object a line, as ws76 script test can replay it.
--
-- usage: ws76 connect ws://device.local/ --script record.lua --script-arg file=session.jsonl --allow write=session.jsonl
--
-- sample output, in session.jsonl:
--   {"conn":1,"data":"on","dir":"out","kind":"text","time":"2026-01-01T12:00:00.250Z"}
--   {"conn":1,"data":"ON","dir":"in","kind":"text","time":"2026-01-01T12:00:00.300Z"}

local file = args.file or "session.jsonl"

local function record(conn, data, kind, dir)
  local now = ws76.now()
  local entry = {
    conn = conn.id, dir = dir, kind = kind,
    time = os.date("!%Y-%m-%dT%H:%M:%S", math.floor(now)) .. (".%03dZ"):format(now % 1 * 1000),
  }
  entry[kind == "binary" and "base64" or "data"] = kind == "binary" and ws76.base64.encode(data) or data
  local ok, message = ws76.append_file(file, ws76.json.encode(entry) .. "\n")
  if not ok then ws76.log.error(message) end
end

function on_message(conn, data, kind) record(conn, data, kind, "in") end
function on_send(conn, data, kind) record(conn, data, kind, "out") end
