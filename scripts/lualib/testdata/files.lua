eq(ws76.write_file("new.txt", "one\n"), true) eq(ws76.append_file("new.txt", "two\0\n"), true) eq(ws76.read_file("new.txt"), "one\ntwo\0\n")
eq(ws76.read_file("sub/in.txt"), "inside") eq(ws76.read_file(folder .. "/sub/in.txt"), "inside")
eq(ws76.read_file("only-second.txt"), "second")
local function refused(name, v, message, kind) eq(v, nil) eq(kind, name) return message end
refused("not found", ws76.read_file("none.txt"))
for _, path in ipairs({"../outside.txt", outside, "link.txt", "sub/../../outside.txt"}) do
  refused("not allowed", ws76.read_file(path))
  refused("not allowed", ws76.write_file(path, "x"))
end
assert(select(2, ws76.read_file(outside)):find("reading " .. outside .. " is not allowed; --allow read=" .. outside .. " would allow it", 1, true))
refused("not allowed", ws76.read_file("outside.txt")) -- it is there, in the first folder
refused("not allowed", io.open(outside)) refused("not allowed", io.open("link.txt", "w")) refused("not allowed", io.lines(outside))
refused("not allowed", loadfile(outside)) refused("not allowed", dofile("outside.txt")) refused("not allowed", os.remove(outside))
refused("not allowed", os.rename("new.txt", outside)) refused("not allowed", os.rename(outside, "new.txt")) refused("not allowed", os.tmpname())
refused("not found", io.open("none.txt"))
local f = assert(io.open("sub/in.txt")) eq(f:read("*a"), "inside") f:close()
f = assert(io.open("made.txt", "w+")) f:write("made") f:seek("set") eq(f:read("*a"), "made") f:close()
eq(ws76.read_file(folder .. "/made.txt"), "made") assert(os.rename("made.txt", "moved.txt")) assert(os.remove("moved.txt"))
refused("not found", ws76.read_file("moved.txt"))
for line in io.lines("sub/in.txt") do eq(line, "inside") end
assert(not ws76.read_file("sub"))
