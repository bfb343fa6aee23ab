local function lines()
  local list = {}
  for line in assert(ws76.read_file("log.jsonl")):gmatch("[^\n]+") do table.insert(list, assert(ws76.json.decode(line))) end
  return list
end

function test_a_connection()
  ws76.write_file("log.jsonl", "")
  options.file = "log.jsonl"
  local c = ws76.test.conn({ path = "/chat" })
  assert(c:message("hi ü")[1] == "hi ü")
  assert(c:deliver("\1\255", "binary")[1] == "\1\255")
  c:close()
  local l = lines()
  assert(#l == 4, #l)
  assert(l[1].event == "open" and l[1].path == "/chat" and l[1].role == "server")
  assert(l[2].dir == "in" and l[2].data == "hi ü" and l[2].kind == "text" and l[2].time:match("^%d+%-%d+%-%d+T"))
  assert(l[3].dir == "out" and l[3].base64 == "Af8=" and l[3].kind == "binary")
  assert(l[4].event == "close" and l[4].conn == l[1].conn)
end

function test_max()
  ws76.write_file("log.jsonl", "")
  options.file, options.max = "log.jsonl", 3
  ws76.test.conn():message("abcdef")
  local l = lines()
  assert(l[2].data == "abc" and l[2].cut == true and l[2].bytes == 6)
end
