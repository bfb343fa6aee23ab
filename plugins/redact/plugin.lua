-- redact: masks secrets in messages as they pass.
plugin = {
  name = "redact",
  version = "1.0.0",
  fail = "drop", -- what could not be looked at may hold a secret
  summary = "masks secrets: card numbers, mail addresses, JSON fields, what you say",
  options = {
    { name = "what", type = "list", default = "card,email", help = "what to mask: card, email, ip, mac, bearer" },
    { name = "fields", type = "list", default = "password,passphrase,secret,token", help = "JSON fields whose value is masked" },
    { name = "pattern", type = "list", help = "regular expressions (RE2) of more that is masked; a comma in one is written \\," },
    { name = "mask", type = "string", default = "****", help = "what to put in its place" },
    { name = "direction", type = "enum", values = { "both", "in", "out" }, default = "both", help = "messages from the peer, to it, or both" },
    { name = "binary", type = "bool", default = false, help = "look into binary messages too" },
  },
}

local known = {
  card = [[\b(?:\d[ -]?){12,18}\d\b]],
  email = [[\b[\w.%+-]+@[\w-]+(?:\.[\w-]+)+\b]],
  ip = [[\b\d{1,3}(?:\.\d{1,3}){3}\b]],
  mac = [[\b[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}\b]],
  bearer = [[(?i)\bbearer\s+[\w.~+/=-]+]],
}

-- "%" has a meaning in what gsub puts in.
local mask = options.mask:gsub("%%", "%%%%")
local rules = {}

for _, name in ipairs(options.what) do
  if not known[name] then error("what: there is no " .. name .. "; there are card, email, ip, mac and bearer") end
  table.insert(rules, { known[name], mask })
end
for _, pattern in ipairs(options.pattern) do
  ws76.re.find("", pattern) -- a bad one is an error now, not with the first message
  table.insert(rules, { pattern, mask })
end
if #options.fields > 0 then
  local names = {}
  for i, name in ipairs(options.fields) do names[i] = ws76.re.gsub(name, [[\W]], "\\%0") end
  local field = [[("(?:]] .. table.concat(names, "|") .. [[)"\s*:\s*)]]
  local quoted = ws76.json.encode(options.mask):gsub("%%", "%%%%")
  table.insert(rules, { "(?i)" .. field .. [[(?:"(?:[^"\\]|\\.)*"|-?[\d.eE+-]+|true|false)]], "%1" .. quoted })
end

local function redacted(conn, data, kind)
  if kind == "binary" and not options.binary then return end
  for _, rule in ipairs(rules) do data = ws76.re.gsub(data, rule[1], rule[2]) end
  return data
end

if options.direction ~= "out" then on_message = redacted end
if options.direction ~= "in" then on_send = redacted end
