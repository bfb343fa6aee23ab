local json = ws76.json
local function same(v, text) eq(json.encode(v), text) end
local function around(text) eq(json.encode((assert(json.decode(text)))), text) end

same(1, "1") same(-0.5, "-0.5") same(1e15, "1000000000000000") same(2^53, "9007199254740992") same(1e300, "1e+300")
same("a\"\\/\n\r\t\1\127é", '"a\\"\\\\/\\n\\r\\t\\u0001\\u007fé"')
same(true, "true") same(ws76.null, "null") same({}, "{}") same({1, 2, {3}}, "[1,2,[3]]")
same({b = 1, a = {x = ws76.null}}, '{"a":{"x":null},"b":1}')
same({1, x = 2}, '{"1":1,"x":2}') same({[10] = 1}, '{"10":1}') same({[1.5] = 1}, '{"1.5":1}')
same(json.array(), "[]") same({list = json.array({})}, '{"list":[]}')
around("[]") around("{}") around('{"a":[],"b":{},"c":[[],[{}]]}') around('[null,false,null]') around('"\\u0001"') around("-0.25")
eq(tostring(ws76.null), "null") eq(json.decode("null") == ws76.null, true)
eq(#json.decode("[1,null,3]"), 3) eq(json.decode(' {"a" : [ 1 , 2 ] } ').a[2], 2)
eq(json.decode('"\\u00e9\\ud83d\\ude00\\/\\b\\f"'), "é😀/\b\f") eq(json.decode('"\\ud800x"'), "\239\191\189x")
eq(json.decode("1e3"), 1000) eq(json.decode("-12.5E-1"), -1.25) eq(json.decode('{"a":1,"a":2}').a, 2)
for text, want in pairs({
  [""] = "json.decode: offset 0: the text ends, want a value", ["[1,]"] = 'json.decode: offset 3: got "]", want a value',
  ['{"a" 1}'] = 'json.decode: offset 5: got "1", want ":"', ["{a:1}"] = 'json.decode: offset 1: got "a", want a key in quotes',
  ["1 2"] = 'json.decode: offset 2: got "2", want the end of the text', ["01"] = "json.decode: offset 0: a number begins with 0",
  ["-"] = "json.decode: offset 1: the text ends, want a digit", ["1."] = "json.decode: offset 2: the text ends, want a digit",
  ['"a'] = "json.decode: offset 2: the text ends, want the closing quote of a string", ['"\\x"'] = "json.decode: offset 1: unknown escape \\x",
  ['"\\u12"'] = "json.decode: offset 1: \\u without 4 hexadecimal digits", ['"\n"'] = "json.decode: offset 1: control character 0x0a in a string",
  ["[1"] = 'json.decode: offset 2: the text ends, want "," or "]"', ["nul"] = 'json.decode: offset 0: got "n", want a value',
  ["1e999"] = "json.decode: offset 0: 1e999 is too large for a number", [("["):rep(200)] = "json.decode: offset 101: nested deeper than 100",
}) do
  local v, err = json.decode(text)
  eq(v, nil) eq(err, want)
end
raises("json.encode: NaN has no JSON", json.encode, 0/0)
raises("json.encode: +Inf has no JSON", json.encode, {1/0})
raises("json.encode: a function has no JSON", json.encode, {print})
raises("json.encode: byte 2 of a string is no UTF-8", json.encode, "a\255")
raises("json.encode: a key that is a boolean has no JSON", json.encode, {[true] = 1})
raises('json.encode: a table has the key "1" both', json.encode, {1, ["1"] = 2})
local cycle = {} cycle[1] = cycle
raises("json.encode: tables are nested deeper than 100, or hold themselves", json.encode, cycle)
