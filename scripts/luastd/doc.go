// Package luastd is Lua's own library as the manual of Lua 5.1 says it is (sections 5.1, 5.5, 5.6 and the clock of 5.8), in
// the place of the functions of gopher-lua that differ. Strings are in package luastring, coroutines and pcall with those
// who run the code.
//
// Where the manual leaves something open, the results are those of PUC Lua 5.1 on Linux; docs/scripting.md lists what is
// not. What loops over what a script has given it keeps to the Budget.
//
// table.sort follows ltablib.c of Lua 5.1, Copyright (C) 1994-2012 Lua.org, PUC-Rio; the file NOTICE has its license.
package luastd
