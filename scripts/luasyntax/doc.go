// Package luasyntax reads the source of a Lua 5.1 program into the syntax tree of gopher-lua. What it takes, and what it says
// about a source that is none, is what PUC Lua's own reader takes and says, as loadstring of a script's main chunk shows it.
// It takes time and memory in proportion to the source.
//
// It follows llex.c and lparser.c of Lua 5.1, Copyright (C) 1994-2012 Lua.org, PUC-Rio; the file NOTICE has its license.
package luasyntax
