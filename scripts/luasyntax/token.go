package luasyntax

import "fmt"

// kind is what a token is: the byte that it consists of, or one of these.
type kind int

const (
	kAnd kind = iota + 257
	kBreak
	kDo
	kElse
	kElseif
	kEnd
	kFalse
	kFor
	kFunction
	kIf
	kIn
	kLocal
	kNil
	kNot
	kOr
	kRepeat
	kReturn
	kThen
	kTrue
	kUntil
	kWhile
	kConcat
	kDots
	kEqual
	kAtLeast
	kAtMost
	kUnequal
	kNumber
	kName
	kString
	kEnded // the end of the source
)

var spellings = [...]string{
	"and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil", "not", "or", "repeat",
	"return", "then", "true", "until", "while", "..", "...", "==", ">=", "<=", "~=", "<number>", "<name>", "<string>", "<eof>",
}

// reserved are the words that are no names.
var reserved = func() map[string]kind {
	words := map[string]kind{}
	for i, word := range spellings[:kConcat-kAnd] {
		words[word] = kAnd + kind(i)
	}
	return words
}()

// longestReserved is the length of the longest of them.
const longestReserved = len("function")

func (k kind) String() string {
	switch {
	case k >= kAnd:
		return spellings[k-kAnd]
	case k < ' ' || k == 0x7f:
		return fmt.Sprintf("char(%d)", int(k))
	}
	return string([]byte{byte(k)})
}

// token is one of the source.
type token struct {
	kind kind
	text string // of a name or number; what a string holds
}
