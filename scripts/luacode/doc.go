// Package luacode turns the source of a script into code that gopher-lua runs, with guards against what its own compiler
// lets through and its virtual machine cannot stop:
//
//   - A source that is too large is a *SyntaxError. What it may be nested is bounded by package luasyntax, which reads it.
//   - The code is made as Lua 5.1's own compiler makes it, of the same instructions: gopher-lua's gets assignments of
//     several values, "and" and "or", and branches that are never taken wrong, without a word.
//   - The instructions for "%" and "^" do what those of Lua 5.1 do. What else the virtual machine does in another way are
//     calls of functions: a numeric for over what may be strings, "#" where a metatable has __len, and "..", which has a
//     limit of size.
//   - A generic for calls its iterator as any function is called, so that it may wait: gopher-lua's instruction breaks a
//     yield. Loops over pairs, ipairs, next and gmatch, which cannot wait, have it.
//   - Errors name the variable that was not of the right type, as Lua does.
//   - A table's array is at most 4 Mi slots; t[60000000] = 1 would otherwise take a gigabyte.
//
// The compiler follows lcode.c and lparser.c of Lua 5.1, Copyright (C) 1994-2012 Lua.org, PUC-Rio; the file NOTICE has its
// license. The package knows nothing of connections or events.
package luacode
