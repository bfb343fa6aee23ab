package luacode

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// MaxSource is the largest source, in bytes.
const MaxSource = 1 << 20

// maxArray is from which index on a table keeps an entry in its hash part. Below it, gopher-lua fills an array up to the
// index.
const maxArray = 4 << 20

func init() { lua.MaxArrayIndex = maxArray }

// SyntaxError says what is wrong with a source and where.
type SyntaxError struct {
	File    string
	Line    int // 0 if it is about the whole
	Message string
}

func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Message)
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message)
}

// Compile makes the code of a source, which may begin with a "#!" line. File is what errors name. The code can be shared by
// any number of states; luastring.Install must have been called on them. Errors are *SyntaxError.
func Compile(src []byte, file string) (proto *lua.FunctionProto, err error) {
	chunk, err := Parse(src, file)
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
	return generate(guard(chunk, file, bytes.Contains(src, []byte("__len"))), file), nil
}

// Parse makes the syntax tree of a source, for those who look at a script without running it. Errors are *SyntaxError.
func Parse(src []byte, file string) (chunk []ast.Stmt, err error) {
	if len(src) > MaxSource {
		return nil, &SyntaxError{File: file, Message: fmt.Sprintf("a source of %d bytes is larger than the limit of %d", len(src), MaxSource)}
	}
	if bytes.HasPrefix(src, []byte("#")) { // its newline stays, so lines keep their numbers
		src = src[max(0, bytes.IndexByte(append(src[:len(src):len(src)], '\n'), '\n')):]
	}
	defer func() {
		if r := recover(); r != nil {
			chunk, err = nil, &SyntaxError{File: file, Message: fmt.Sprint(r)}
		}
	}()
	chunk, err = parse.Parse(bytes.NewReader(src), file)
	var p *parse.Error
	if errors.As(err, &p) {
		err = &SyntaxError{File: file, Line: p.Pos.Line, Message: describe(p)}
		if p.Pos.Line == parse.EOF {
			err.(*SyntaxError).Line = bytes.Count(src, []byte("\n")) + 1
		}
	}
	return chunk, err
}

// describe words an error as Lua does: what is wrong, near what.
func describe(p *parse.Error) string {
	message := strings.Replace(strings.TrimSpace(p.Message), "parse error", "syntax error", 1)
	if p.Pos.Line == parse.EOF {
		return message + " at the end of the file"
	}
	return fmt.Sprintf("%s near '%s'", message, p.Token)
}
