// Package luastring replaces the functions of gopher-lua that can run long or take memory without bound between two
// instructions, where a context does not stop them: the string library, table.concat and the operator "..".
//
// The replacements give the results and error texts of Lua 5.1. They differ from it where it stops at a zero byte
// (patterns, %s and %c of string.format take every byte). From gopher-lua's own functions they differ where those are not
// Lua 5.1; the tests list these cases. Patterns follow lstrlib.c of Lua 5.1, Copyright (C) 1994-2012 Lua.org, PUC-Rio; the
// file NOTICE has its license.
//
//	b := &luastring.Budget{Steps: 1e6}
//	luastring.Install(L, b)
//	b.Reset() // before each call
package luastring
