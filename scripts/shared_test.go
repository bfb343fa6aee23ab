package scripts

import (
	"testing"

	"github.com/ws76/ws76/scripts/permit"
)

// spoiler writes to all that a script can get hold of with all permissions there are: tables, metatables, environments and upvalues.
const spoiler = `
local seen, functions = {}, {}
local evil = function() return "evil" end
local pairs, pcall, type, rawset, setfenv = pairs, pcall, type, rawset, setfenv
local of, upvalue, setmt, setenv = debug.getmetatable, debug.getupvalue, debug.setmetatable, debug.setfenv
local function walk(v)
  if v == nil or seen[v] then return end
  seen[v] = true
  local kind = type(v)
  if kind == "function" then functions[#functions + 1] = v end
  if kind == "table" then
    local _ = v.anything
    for k, x in pairs(v) do walk(x) end
  end
  if kind ~= "string" then walk(of(v)) end
  if kind == "function" then for i = 1, 20 do local _, x = upvalue(v, i) walk(x) end end
end
local objects = {CONN or false, ws76.after(1e4, print), ws76.spawn(print), ws76.queue(), io.tmpfile() or false}
walk(objects) walk(_G) walk(of(""))
for _, f in pairs(functions) do
  pcall(setfenv, f, {evil = true})
  pcall(setenv, f, {evil = true})
  pcall(setmt, f, {__index = evil, __call = evil})
end
pcall(setmt, nil, {__index = evil})
for _, v in pairs({1, true, "", print, false}) do pcall(setmt, v, {__index = evil, __add = evil, __concat = evil}) end
for v in pairs(seen) do
  if type(v) == "table" then
    rawset(v, "evil", true)
    for k, x in pairs(v) do if type(x) == "function" then rawset(v, k, evil) end end
  end
end
return string.format() .. ws76.json.decode() .. CONN.id
`

// victim finds what was written by others.
const victim = `
local seen, found = {}, {}
local function walk(v, name)
  if v == nil or seen[v] then return end
  seen[v] = true
  if type(v) == "table" then
    local _ = v.anything
    if rawget(v, "evil") then found[#found + 1] = name .. ".evil" end
    for k, x in pairs(v) do walk(x, name .. "." .. tostring(k)) end
  end
  if type(v) == "function" then
    if getfenv(v).evil or debug.getfenv(v).evil then found[#found + 1] = "the environment of " .. name end
    for i = 1, 20 do local _, x = debug.getupvalue(v, i) if x ~= nil then walk(x, name .. " upvalue " .. i) end end
  end
  if type(v) ~= "string" then walk(debug.getmetatable(v), "the metatable of " .. name) end
end
local objects = {CONN or false, ws76.after(1e4, print), ws76.spawn(print), ws76.queue(), io.tmpfile() or false}
walk(objects, "objects") walk(_G, "_G") walk(debug.getmetatable(""), "strings")
if ("%d"):format(1) ~= "1" or ws76.json.decode("[1]")[1] ~= 1 or CONN and CONN.id == "evil" or ws76.hex.encode("a") ~= "61" then found[#found + 1] = "what it does" end
return found[1] and table.concat(found, ", ") or "clean"
`

// Nothing that a script writes is seen by another, be it there before or made later, nor by itself when it is loaded anew:
// states share only what cannot be written to.
func TestSharedByStates(t *testing.T) {
	code := func(body string) string {
		return "function on_message(conn, data) CONN = conn return (function() " + body + " end)() end"
	}
	o := Options{Permissions: func() *permit.Permissions { return permit.All() }}
	before := newRig(t, code(victim), o)
	before.push("make what is made late")
	bad := newRig(t, code(spoiler), o)
	bad.push("x")
	bad.want("what it did", &bad.toB, "evilevilevil")
	after := newRig(t, code(victim), o)
	after.push("x")
	before.push("x")
	before.want("the one that was there", &before.toB, "clean", "clean")
	after.want("the one that came", &after.toB, "clean")
}
