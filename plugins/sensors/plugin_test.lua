local function r(id, value, unit) return ws76.json.encode({ id = id, value = value, unit = unit }) end

function test_text()
  local c = ws76.test.conn()
  assert(c:message(r("temperature", 21.5, "C"))[1] == "temperature 21.5 C")
  assert(c:message(r("door", 1))[1] == "door 1")
  assert(c:message("hello")[1] == "hello")
end

function test_change()
  options.change = 0.5
  local c = ws76.test.conn()
  for _, v in ipairs({ 20, 20.2, 20.4, 20.6, 20.7 }) do c:message(r("t", v)) end
  assert(table.concat(c.passed, ",") == "t 20,t 20.6", table.concat(c.passed, ","))
end

function test_csv()
  options.show = "csv"
  local c = ws76.test.conn()
  assert(c:message(r("t", 1, "C"))[1]:match("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ,t,1,C$"))
end
