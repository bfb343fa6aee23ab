// Package lualib is the part of the Lua module ws76 that needs no connection: JSON and other encodings, regular
// expressions, packed numbers, the handshake's keys and frames, files, and the values that outlive the process.
//
// Functions that take what a peer may have sent return nil and a message when that is bad, as Lua's own io does; what only
// the author of a script can get wrong raises an error. Strings are bytes. What can run long or grow keeps to the Budget.
package lualib

import (
	"fmt"
	"io"
	"os"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/kv"
	"github.com/ws76/ws76/scripts/luastring"
	"github.com/ws76/ws76/scripts/permit"
)

// Options say what a script may reach.
type Options struct {
	// Budget of the state; required.
	Budget *luastring.Budget
	// Permissions are asked for whatever reaches the system; nil allows nothing.
	Permissions *permit.Permissions
	// Folders are where a relative path may be: the working folder, where files are made and changed, and those in which files to
	// be read are looked for as well. None: the working folder.
	Folders []string
	// Data is the folder for what the script keeps, absolute, in which there may be MaxData bytes. "" for none.
	Data string
	// KV opens the store behind ws76.kv when that is used first. Nil makes its use an error.
	KV func() (*kv.Store, error)
	// Now is what os.date and os.time go by. Nil is the real time.
	Now func() time.Time
	// Env looks up a variable of the environment. Nil knows none.
	Env func(name string) (value string, ok bool)
	// Environ is the environment, NAME=VALUE: all, of which programs that are run get what may be read, and given, which they
	// get anyway. Nil is nothing.
	Environ func() (all, given []string)

	// Written bounds, for all states of a script, what it writes in the folder that is its own by default. Nil: there is one for this
	// state.
	Written *Quota

	// Programs are those of this state that io.popen and os.execute have started; the caller closes it. Nil: nobody ends them.
	Programs *Programs
	// Stdout and Stderr take what these write; nil: nobody does.
	Stdout, Stderr io.Writer

	quota *Quota // of Data, once it is written in
}

// Open returns the table of the module's functions, for the host to add to.
func Open(L *lua.LState, o *Options) *lua.LTable {
	l := &library{Options: o}
	mod := L.NewTable()
	for _, group := range []struct {
		name      string
		functions map[string]lua.LGFunction
	}{
		{"hex", map[string]lua.LGFunction{"encode": l.hexEncode, "decode": l.hexDecode}},
		{"base64", map[string]lua.LGFunction{"encode": l.base64Encode, "decode": l.base64Decode}},
		{"re", map[string]lua.LGFunction{"match": l.reMatch, "find": l.reFind, "gsub": l.reGsub}},
		{"bit", bitFunctions},
		{"frame", map[string]lua.LGFunction{"encode": l.frameEncode, "decode": l.frameDecode}},
		{"kv", map[string]lua.LGFunction{"get": l.kvGet, "set": l.kvSet, "incr": l.kvIncr, "delete": l.kvDelete, "keys": l.kvKeys}},
		{"utf8", map[string]lua.LGFunction{
			"char": l.utf8Char, "codes": l.utf8Codes, "codepoint": l.utf8Codepoint, "len": l.utf8Len, "offset": l.utf8Offset,
		}},
	} {
		mod.RawSetString(group.name, L.SetFuncs(L.CreateTable(0, len(group.functions)), group.functions))
	}
	mod.RawGetString("utf8").(*lua.LTable).RawSetString("charpattern", lua.LString(utf8Pattern))
	L.SetFuncs(mod, map[string]lua.LGFunction{
		"inspect": l.inspect, "md5": l.md5, "sha1": l.sha1, "pack": l.pack, "unpack": l.unpack, "packsize": l.packsize,
		"keygen": l.keygen, "answer": l.answer, "env": l.env,
		"read_file": l.readFile, "write_file": l.writeFile, "append_file": l.appendFile,
	})
	l.openJSON(L, mod)
	return mod
}

// library is the state of the functions of one Lua state.
type library struct {
	*Options
	null         *lua.LUserData
	arrays       *lua.LTable // metatable of tables that are arrays even if empty
	regexps      map[string]*expression
	instructions int      // of these
	opened       *os.File // by who asks, for the function that is asked for
	charged      *Quota   // it is to be written, and what is written counts there
}

// fail returns nil and a message to Lua.
func fail(L *lua.LState, format string, args ...any) int {
	L.Push(lua.LNil)
	L.Push(lua.LString(fmt.Sprintf(format, args...)))
	return 2
}

// env is ws76.env and os.getenv.
func (l *library) env(L *lua.LState) int {
	name := L.CheckString(1)
	if err := l.Permissions.Ask(permit.Effect{Kind: permit.Env, Target: name}); err != nil {
		return failFile(L, "env", err)
	}
	if l.Env != nil {
		if v, ok := l.Env(name); ok {
			L.Push(lua.LString(v))
			return 1
		}
	}
	L.Push(lua.LNil)
	return 1
}
