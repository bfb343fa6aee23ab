package luacode

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
)

// Arm makes errors of the virtual machine in L read as in Lua, and hands every error to handler where it is raised, unless
// that is nil. A thread keeps it; in the main one it lasts until the protected call around it ends, so that every protected
// call begins with it.
func Arm(L *lua.LState, handler lua.LValue) {
	L.Panic = raiseAsLua
	if handler == lua.LNil {
		return
	}
	L.Panic = func(L *lua.LState) {
		L.Panic = func(*lua.LState) {
			panic(runError(lua.LString(ErrorInHandler)))
		}
		v := reworded(L)
		L.Push(handler)
		L.Push(v)
		L.Call(1, 1)
		panic(runError(L.Get(-1)))
	}
}

// ErrorInHandler is the error of a handler that fails.
const ErrorInHandler = "error in error handling"

// Overflowed reports whether err is what Caught has made of lauxlib.Overflow. There was no room for a call of a handler then,
// so none has seen it.
func Overflowed(err error) bool {
	api, ok := err.(*lua.ApiError)
	return ok && api.Type == lua.ApiErrorPanic
}

// Caught is to be deferred by f, what a protected call in L calls: it closes the upvalues of what an error ends, and makes an
// error of the panic that too many calls are.
func Caught(L *lua.LState, f lauxlib.Frame) {
	r := recover()
	if r == nil {
		return
	}
	if text, ok := r.(string); ok {
		e := runError(lua.LString(Reword(L, text)))
		e.Type = lua.ApiErrorPanic
		r = e
	}
	lauxlib.CloseAbove(L, f)
	panic(r)
}

// raiseAsLua takes the place of what gopher-lua raises errors with.
func raiseAsLua(L *lua.LState) {
	panic(runError(reworded(L)))
}

// runError is an error with the beginning of a traceback: else a protected call makes one of all levels, which nobody looks at.
func runError(v lua.LValue) *lua.ApiError {
	return &lua.ApiError{Type: lua.ApiErrorRun, Object: v, StackTrace: "stack traceback:"}
}

// reworded is the error on top of the stack.
func reworded(L *lua.LState) lua.LValue {
	v := L.Get(-1)
	if s, ok := v.(lua.LString); ok {
		return lua.LString(Reword(L, string(s)))
	}
	return v
}

// arithmeticWords are gopher-lua's for the operators in its errors.
var arithmeticWords = map[string]bool{"add": true, "sub": true, "mul": true, "div": true, "mod": true, "pow": true}

// Reword is an error of the virtual machine as Lua words it. L, which may be nil, is the thread that has raised it just now;
// then values have their names.
func Reword(L *lua.LState, message string) string {
	if message == lauxlib.Overflow {
		if L == nil {
			return "stack overflow"
		}
		return lauxlib.Where(L, 0) + "stack overflow"
	}
	if strings.HasPrefix(message, lauxlib.Host+":") { // a place in the host, which is none in Lua
		_, message, _ = strings.Cut(message, ": ")
	}
	where, text := "", message
	if i := strings.Index(message, ": "); i >= 0 {
		where, text = message[:i+2], message[i+2:]
	}
	operation, value := "", ""
	switch {
	case text == "registry overflow":
		return where + "stack overflow"
	case text == "attempt to call a non-function object":
		operation, value = "call", "table"
	case text == "__unm undefined":
		operation, value = "perform arithmetic on", "table"
	case text == "__len undefined":
		operation, value = "get length of", "userdata"
	case strings.HasPrefix(text, "attempt to index a non-table object("):
		value, _, _ = strings.Cut(text[len("attempt to index a non-table object("):], ")")
		operation = "index"
	case strings.HasPrefix(text, "cannot perform "):
		words := strings.Fields(text) // cannot perform add operation between table and number
		if len(words) != 8 || !arithmeticWords[words[2]] {
			return message
		}
		operation, value = "perform arithmetic on", words[5]
		if value == "number" || value == "string" && words[7] != "number" {
			value = words[7]
		}
	case strings.HasPrefix(text, "attempt to compare "):
		words := strings.Fields(text) // attempt to compare table with table
		if len(words) == 6 && words[3] == words[5] {
			return where + "attempt to compare two " + words[3] + " values"
		}
		return message
	default:
		return message
	}
	if L != nil && where != "" {
		if kind, name := lauxlib.Failed(L); name != "" {
			return where + "attempt to " + operation + " " + kind + " '" + name + "' (a " + value + " value)"
		}
	}
	return where + "attempt to " + operation + " a " + value + " value"
}
