package lauxlib

import (
	"os"
	_ "unsafe" // for linkname

	lua "github.com/yuin/gopher-lua"
)

// newFile makes a file of Lua of one that is open.
//
//go:linkname newFile github.com/yuin/gopher-lua.newFile
func newFile(L *lua.LState, file *os.File, path string, flag int, perm os.FileMode, writable, readable bool) (*lua.LUserData, error)

// NewFile makes a file of Lua of one that is open, as io.open does; the library io must be open.
func NewFile(L *lua.LState, file *os.File, writable, readable bool) *lua.LUserData {
	ud, _ := newFile(L, file, "", 0, 0, writable, readable) // it fails at opening alone
	return ud
}
