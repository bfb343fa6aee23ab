package luacode

import (
	"errors"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
	"github.com/ws76/ws76/scripts/luastring"
)

// Install gives strings their metatable, with the operators, and replaces load and loadstring by functions that compile
// with the guards.
func Install(L *lua.LState, b *luastring.Budget) {
	(&operators{b}).install(L)
	L.SetGlobal("loadstring", L.NewFunction(func(L *lua.LState) int {
		src := lauxlib.CheckString(L, 1)
		name := lauxlib.OptString(L, 2, src)
		charge(L, b, "loadstring", src)
		return push(L, []byte(src), name)
	}))
	L.SetGlobal("load", L.NewFunction(func(L *lua.LState) int {
		reader, name := lauxlib.CheckFunction(L, 1), lauxlib.OptString(L, 2, "=(load)")
		var src strings.Builder
		for {
			L.Push(reader)
			if err := lauxlib.PCall(L, 0, 1); err != nil {
				return refused(L, err)
			}
			piece, ok := lauxlib.ToString(L.Get(-1))
			if L.Get(-1) == lua.LNil || ok && piece == "" {
				break
			}
			if !ok {
				L.Push(lua.LNil)
				L.Push(lua.LString(lauxlib.Where(L, 1) + "reader function must return a string"))
				return 2
			}
			L.Pop(1)
			b.Size(L, "load", src.Len()+len(piece))
			src.WriteString(piece)
			if src.Len() > MaxSource {
				break // Compile says so
			}
		}
		charge(L, b, "load", src.String())
		return push(L, []byte(src.String()), name)
	}))
}

// refused returns nil and what an error says, as load does.
func refused(L *lua.LState, err error) int {
	L.Push(lua.LNil)
	L.Push(lauxlib.ErrorValue(err))
	return 2
}

// How long a name is that errors call a chunk, in bytes: at run time, and where a source is none.
const (
	runtimeName = 59
	syntaxName  = 79
)

// chunkName is what errors call a chunk, as luaO_chunkid of Lua: "=name" and "@file" are names, anything else is code.
func chunkName(source string, most int) string {
	source, _, _ = strings.Cut(source, "\x00") // as C ends it
	switch {
	case strings.HasPrefix(source, "="):
		return source[1:min(len(source), most+1)]
	case strings.HasPrefix(source, "@"):
		source = source[1:]
		if room := most - 7; len(source) > room {
			return "..." + source[len(source)-room:]
		}
		return source
	}
	room := most - len(`[string "..."]`) - 2
	line, cut := source, false
	if i := strings.IndexAny(line, "\r\n"); i >= 0 {
		line, cut = line[:i], true
	}
	if len(line) > room {
		line, cut = line[:room], true
	}
	if cut {
		line += "..."
	}
	return `[string "` + line + `"]`
}

// PushFile compiles what is in a file and pushes the function, or nil and the error. It returns how many values that is.
func PushFile(L *lua.LState, src []byte, path string) int { return push(L, program(src), "@"+path) }

// push is PushFile for a chunk that is named as load names it.
func push(L *lua.LState, src []byte, name string) int {
	proto, err := compile(src, chunkName(name, runtimeName))
	var syntax *SyntaxError
	if errors.As(err, &syntax) {
		syntax.File = chunkName(name, syntaxName)
	}
	if err != nil {
		return refused(L, err)
	}
	L.Push(L.NewFunctionFromProto(proto))
	return 1
}

// charge takes what compiling a source takes, before it is begun: it cannot be stopped.
func charge(L *lua.LState, b *luastring.Budget, what, src string) {
	if len(src) > MaxSource {
		return
	}
	const perToken = 320 // bytes of memory, measured: no kind of source takes more
	account := b.Account(L, what, len(src))
	account.Spend(len(src))
	n := tokens(src)
	account.Spend(16 * n)
	account.Take(perToken * n)
}

// tokens is about how many tokens a source has: runs of letters, digits and quoted text, and signs.
func tokens(src string) int {
	n, word := 0, false
	for i := range len(src) {
		switch c := src[i]; {
		case c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80:
			if !word {
				n++
			}
			word = true
		default:
			if c > ' ' {
				n++
			}
			word = false
		}
	}
	return n
}
