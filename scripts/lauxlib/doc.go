// Package lauxlib is what functions of Lua's library that are written in Go have in common, as Lua's own lauxlib: the
// arguments, numbers in strings and as text, and errors with the words and the names of Lua 5.1. It keeps no state; what gets
// an LState must be called by the code that runs in it.
//
// How names are found follows ldebug.c of Lua 5.1, Copyright (C) 1994-2012 Lua.org, PUC-Rio; the file NOTICE has its license.
package lauxlib
