eq(ws76.write_file(folder .. "/new.txt", "one\n"), true) eq(ws76.append_file(folder .. "/new.txt", "two\0\n"), true) eq(ws76.read_file("new.txt"), "one\ntwo\0\n")
eq(ws76.read_file("sub/in.txt"), "inside") eq(ws76.read_file(folder .. "/sub/in.txt"), "inside")
eq(ws76.read_file("only-second.txt"), "second")
local function refused(name, v, message, kind) eq(v, nil) eq(kind, name) return message end
refused("not found", ws76.read_file("none.txt"))
for _, path in ipairs({"../outside.txt", outside, "link.txt", "sub/../../outside.txt"}) do
  refused("not allowed", ws76.read_file(path))
  refused("not allowed", ws76.write_file(path, "x"))
end
assert(select(2, ws76.read_file(outside)):find("reading " .. outside .. " is not allowed; --allow read=" .. outside .. " would allow it", 1, true))
-- Whether something is there in a folder that must not be read is not told.
local there = refused("not found", ws76.read_file("outside.txt"))
eq((there:gsub("outside", "absent")), refused("not found", ws76.read_file("absent.txt")))
assert(there:find(" in " .. folder .. " or ", 1, true) and there:find("it was not looked for in ", 1, true))
refused("not allowed", ws76.read_file("../outside.txt")) refused("not allowed", ws76.read_file("../absent.txt"))
refused("not allowed", io.open(outside)) refused("not allowed", io.open("link.txt", "w")) raises("io.lines: reading " .. outside .. " is not allowed; --allow read=", io.lines, outside)
refused("not allowed", loadfile(outside)) refused("not allowed", dofile("../outside.txt")) refused("not found", dofile("outside.txt")) refused("not allowed", os.remove(outside))
refused("not allowed", os.rename("new.txt", outside)) refused("not allowed", os.rename(outside, "new.txt")) refused("not allowed", os.tmpname())
refused("not found", io.open("none.txt")) refused("error", io.open("sub/in.txt", "x")) refused("not allowed", io.open(folder .. "/x.lua", "a"))
refused("not allowed", os.rename(folder .. "/new.txt", folder .. "/new.lua")) refused("not allowed", os.remove(folder .. "/link.txt/../../outside.txt"))
-- What is changed is in the working folder or nowhere.
assert(refused("not allowed", ws76.write_file("new.txt", "x")):find("new.txt would allow it, and so would a path below ws76.data_dir", 1, true))
refused("not allowed", ws76.append_file("new.txt", "x")) refused("not allowed", io.open("new.txt", "w")) refused("not allowed", io.open("new.txt", "r+"))
refused("not allowed", os.remove("new.txt")) refused("not allowed", os.rename("new.txt", folder .. "/other.txt")) refused("not allowed", os.rename(folder .. "/new.txt", "other.txt"))
eq(ws76.read_file("new.txt"), "one\ntwo\0\n")
local f = assert(io.open("sub/in.txt")) eq(f:read("*a"), "inside") f:close()
f = assert(io.open(folder .. "/made.txt", "w+")) f:write("made") f:seek("set") eq(f:read("*a"), "made") f:close()
eq(ws76.read_file(folder .. "/made.txt"), "made") assert(os.rename(folder .. "/made.txt", folder .. "/moved.txt")) assert(os.remove(folder .. "/moved.txt"))
refused("not found", ws76.read_file("moved.txt"))
f = assert(io.open(folder .. "/made.txt", "w")) f:write("longer") f:close() f = assert(io.open(folder .. "/made.txt", "a")) f:write("+") f:close()
f = assert(io.open(folder .. "/made.txt", "w")) f:write("new") f:close() eq(ws76.read_file("made.txt"), "new")
for line in io.lines("sub/in.txt") do eq(line, "inside") end
assert(not ws76.read_file("sub"))
