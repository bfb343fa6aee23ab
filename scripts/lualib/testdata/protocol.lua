-- The example of the draft, section 1.3.
local answer = ws76.answer("4 @1  46546xW%0l 1 5", "12998 5 Y3 1  .P00", "^n:ds[4U")
eq(answer, "8jKS'y:G*Co,Wxa-")
local key1, key2, key3, want = ws76.keygen()
eq(#key3, 8) eq(#want, 16) eq(ws76.answer(key1, key2, key3), want)
assert(select(2, ws76.answer("12345", key2, key3)):find("no spaces"))
eq(select(2, ws76.answer(key1, key2, "short")), "answer: key3 has 5 bytes, want 8")

local f = ws76.frame
eq(f.encode("hi"), "\0hi\255") eq(f.encode("", 0xFF), "\255\0") eq(f.encode("ab", 0x80), "\128\2ab")
local frames, rest = f.decode("\0hi\255\128\2ab\0par")
eq(#frames, 2) eq(frames[1].data, "hi") eq(frames[1].type, 0) eq(frames[2].type, 128) eq(frames[2].data, "ab") eq(rest, "\0par")
frames, rest = f.decode("\255\0more") eq(frames[1].closing, true) eq(rest, "more")
frames, rest = f.decode("") eq(#frames, 0) eq(rest, "")
frames, rest = f.decode(("\128\143\255\127abc")) eq(#frames, 0) eq(rest, "\128\143\255\127abc")
eq((f.decode("\128\255\255\255\255\127")), nil)
raises("frame.encode: byte 2 is no UTF-8", f.encode, "a\255")
raises("frame.encode: byte 2 is 0xFF", f.encode, "a\255", 1)
