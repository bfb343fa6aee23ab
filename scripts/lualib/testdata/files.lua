eq(ws76.write_file("new.txt", "one\n"), true) eq(ws76.append_file("new.txt", "two\0\n"), true) eq(ws76.read_file("new.txt"), "one\ntwo\0\n")
eq(ws76.read_file("sub/in.txt"), "inside") eq(ws76.read_file(folder .. "/sub/in.txt"), "inside")
eq(ws76.read_file("only-second.txt"), "second")
local function refused(name, v, message, kind) eq(v, nil) eq(kind, name) return message end
refused("not found", ws76.read_file("none.txt"))
for _, path in ipairs({"../outside.txt", outside, "link.txt", "sub/../../outside.txt"}) do
  refused("not allowed", ws76.read_file(path))
  refused("not allowed", ws76.write_file(path, "x"))
end
assert(select(2, ws76.read_file(outside)):find("start with --trust-scripts to allow it", 1, true))
assert(not ws76.read_file("sub"))
