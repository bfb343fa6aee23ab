package luacode

import (
	"fmt"
	"reflect"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
)

// compiler makes the code of one source.
type compiler struct {
	file string
}

func (c *compiler) fail(line int, format string, args ...any) {
	panic(&SyntaxError{File: c.file, Line: line, Message: fmt.Sprintf(format, args...)})
}

// generate makes the code of a guarded tree. It panics with a *SyntaxError.
func generate(chunk []ast.Stmt, file string) *lua.FunctionProto {
	f := newFunction(&compiler{file: file}, nil)
	f.proto.IsVarArg = lua.VarArgIsVarArg
	f.begin(false)
	f.stmts(chunk)
	f.close()
	return f.proto
}

func newFunction(c *compiler, outer *function) *function {
	return &function{
		c: c, outer: outer, known: map[constant]int{}, here: noJump,
		proto: &lua.FunctionProto{SourceName: c.file, NumUsedRegisters: 2},
	}
}

// close ends a function.
func (f *function) close() {
	f.line = f.proto.LastLineDefined
	f.abc(lua.OP_RETURN, 0, 1, 0)
	f.end()
	p := f.proto
	for _, u := range f.upvals {
		p.DbgUpvalues = append(p.DbgUpvalues, u.name)
	}
	p.NumUpvalues = uint8(len(f.upvals))
	*stringConstants(p) = f.strings
}

// stringConstants is the list of constants as text, which gopher-lua keeps beside the constants and does not export.
func stringConstants(p *lua.FunctionProto) *[]string {
	return (*[]string)(unsafe.Add(unsafe.Pointer(p), stringsField.Offset))
}

var stringsField = func() reflect.StructField {
	f, ok := reflect.TypeFor[lua.FunctionProto]().FieldByName("stringConstants")
	if !ok || f.Type != reflect.TypeFor[[]string]() {
		panic("luacode: gopher-lua keeps its constants in another way")
	}
	return f
}()
