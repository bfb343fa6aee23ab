local function one(text) return ws76.test.conn():message(text)[1] end

function test_card_numbers()
  assert(one("card 4111 1111 1111 1111 ok") == "card **** ok")
  assert(one("4111-1111-1111-1111") == "****")
  assert(one("order 12345, 20260131") == "order 12345, 20260131")
end

function test_mail_addresses() assert(one("to ada.l@example.org.") == "to ****.") end

function test_json_fields()
  assert(one('{"user":"ada","password":"a\\"b","n":1}') == '{"user":"ada","password":"****","n":1}')
  assert(one('{"Token": 12345}') == '{"Token": "****"}')
end

function test_both_ways_and_binary()
  local c = ws76.test.conn()
  assert(c:deliver('{"secret":"x"}')[1] == '{"secret":"****"}')
  assert(c:message("ada@example.org", "binary")[1] == "ada@example.org")
end
