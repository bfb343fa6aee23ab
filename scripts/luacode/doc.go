// Package luacode turns the source of a script into code that gopher-lua runs, with guards against what its own compiler
// lets through and its virtual machine cannot stop:
//
//   - A source that is too large, or nested so deep that compiling it would overflow the stack, is a *SyntaxError.
//   - The operator ".." becomes a call of luastring's function for it, which has a limit of size.
//   - A generic for becomes a while loop, so that an iterator may wait: gopher-lua calls iterators in a way that a yield
//     breaks. Loops over pairs, ipairs, next and gmatch, which cannot wait, stay as they are.
//   - A table's array is at most 4 Mi slots; t[60000000] = 1 would otherwise take a gigabyte.
//
// It knows nothing of connections or events.
package luacode
