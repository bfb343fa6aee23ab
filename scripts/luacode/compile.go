package luacode

import (
	"bytes"
	"fmt"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"github.com/ws76/ws76/scripts/luasyntax"
)

// MaxSource is the largest source, in bytes.
const MaxSource = 1 << 20

// maxArray is from which index on a table keeps an entry in its hash part. Below it, gopher-lua fills an array up to the
// index.
const maxArray = 4 << 20

func init() { lua.MaxArrayIndex = maxArray }

// SyntaxError says what is wrong with a source and where.
type SyntaxError = luasyntax.Error

// Compile makes the code of a source that is a file: it may begin with a "#!" line. File is what errors name. The code can be
// shared by any number of states; luastring.Install must have been called on them. Errors are *SyntaxError.
func Compile(src []byte, file string) (*lua.FunctionProto, error) { return compile(program(src), file) }

// Parse makes the syntax tree of a source as Compile does, for those who look at a script without running it. Errors are
// *SyntaxError.
func Parse(src []byte, file string) ([]ast.Stmt, error) {
	chunk, err := parse(program(src), file)
	if err != nil {
		return nil, err
	}
	return chunk.Stmts, nil
}

// program is a source without a first line that is for the system; its newline stays, so lines keep their numbers.
func program(src []byte) []byte {
	if !bytes.HasPrefix(src, []byte("#")) {
		return src
	}
	if end := bytes.IndexByte(src, '\n'); end >= 0 {
		return src[end:]
	}
	return nil
}

func parse(src []byte, file string) (*luasyntax.Chunk, error) {
	if len(src) > MaxSource {
		return nil, &SyntaxError{File: file, Message: fmt.Sprintf("a source of %d bytes is larger than the limit of %d", len(src), MaxSource)}
	}
	return luasyntax.Parse(src, file)
}

func compile(src []byte, file string) (proto *lua.FunctionProto, err error) {
	chunk, err := parse(src, file)
	if err != nil {
		return nil, err
	}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*SyntaxError)
			if !ok {
				panic(r)
			}
			proto, err = nil, e
		}
	}()
	return generate(chunk, file, bytes.Contains(src, []byte("__len"))), nil
}
