package luasyntax

import "fmt"

// Error says what is wrong with a source and where.
type Error struct {
	File    string
	Line    int // 0 if it is about the whole
	Message string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Message)
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message)
}
