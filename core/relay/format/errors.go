package format

import (
	"fmt"

	"github.com/ws76/ws76/core"
)

// Position is where in the input an error lies.
type Position struct {
	Format Format
	Record int64 // number of the message, from 1; of the line in line formats
	Offset int64 // in the stream, from 0
}

func (p Position) String() string {
	word := "line"
	switch p.Format {
	case Nul, Len32:
		word = "message"
	case Whole, Raw:
		return fmt.Sprintf("offset %d", p.Offset)
	}
	return fmt.Sprintf("%s %d, offset %d", word, p.Record, p.Offset)
}

// InvalidUTF8Error is returned for a text that is not UTF-8. The next Read goes
// on with the message after it.
type InvalidUTF8Error struct {
	Position      // of the bad byte; in Hex and Base64, of the record
	Index    int  // of the bad byte in the message; in JSON, in the object
	Byte     byte // what is there
}

func (e *InvalidUTF8Error) Error() string {
	return fmt.Sprintf("%s: byte %d, 0x%02x, is not valid UTF-8", e.Position, e.Index, e.Byte)
}

// TooLargeError is returned for a message over MaxMessage, before memory is
// spent on it. It wraps [core.ErrMessageTooLarge]. No message follows it.
type TooLargeError struct {
	Position       // of the record
	Size     int64 // in bytes, where the input says it ahead (Len32); else 0
	Limit    int64
}

func (e *TooLargeError) Error() string {
	if e.Size > 0 {
		return fmt.Sprintf("%s: a message of %d bytes is over the limit of %d", e.Position, e.Size, e.Limit)
	}
	return fmt.Sprintf("%s: a message is over the limit of %d bytes", e.Position, e.Limit)
}

// Unwrap returns core.ErrMessageTooLarge.
func (e *TooLargeError) Unwrap() error { return core.ErrMessageTooLarge }

// SyntaxError is returned for a record that is not in its format. In the line
// formats the next Read goes on with the record after it; after one of Len32,
// which the end of the input has cut, no message follows.
type SyntaxError struct {
	Position // of what is wrong
	Reason   string
	Err      error // what lies behind, io.ErrUnexpectedEOF for one; may be nil
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s: not %s: %s", e.Position, e.Format, e.Reason)
}

// Unwrap returns e.Err.
func (e *SyntaxError) Unwrap() error { return e.Err }

// DelimiterWarning says that a message was written that holds the delimiter of
// its format, so that who reads the output takes it for several.
type DelimiterWarning struct {
	Format Format // Lines or Nul
	Number int64  // of the message, from 1
	Index  int    // of the delimiter in it
}

func (w DelimiterWarning) String() string {
	holds, others := "a newline", "nul or json"
	if w.Format == Nul {
		holds, others = "a zero byte", "len32 or json"
	}
	return fmt.Sprintf("message %d holds %s at byte %d, and messages end with one in the output format %q; %s would tell them apart",
		w.Number, holds, w.Index, w.Format, others)
}

// TemplateError says what is wrong in a template.
type TemplateError struct {
	Offset int // in the template, in bytes
	Reason string
}

func (e *TemplateError) Error() string {
	return fmt.Sprintf("template: at byte %d: %s", e.Offset, e.Reason)
}
