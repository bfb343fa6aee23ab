package hixie

import (
	"errors"
	"strconv"
)

// ErrIncomplete is returned by the parsers and the Decoder of this package when the bytes given so far are right but
// not enough to decide. Nothing is lost by it: parse again with more bytes.
var ErrIncomplete = errors.New("hixie: more bytes are needed")

// SyntaxError reports bytes that can be no part of what was being read, whatever comes after them.
type SyntaxError struct {
	Offset int64  // of the first byte that is wrong, counted from where the parser began
	Reason string // what is wrong, such as "bare LF in a field"
	Err    error  // the sentinel this error is an instance of; may be nil
}

// Error returns the reason with its offset.
func (e *SyntaxError) Error() string {
	return "offset " + strconv.FormatInt(e.Offset, 10) + ": " + e.Reason
}

// Unwrap returns e.Err.
func (e *SyntaxError) Unwrap() error { return e.Err }
