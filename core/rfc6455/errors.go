package rfc6455

import (
	"errors"
	"fmt"
)

var (
	// ErrIncomplete says that all input is used up and more is needed.
	ErrIncomplete = errors.New("incomplete: more bytes are needed")

	// ErrPaused says that a piece of a message was inflated, and that the call is to be made again.
	ErrPaused = errors.New("paused: there is more to inflate")

	// ErrMessageTooLarge says that a message is longer than the limit. The Decoder wraps it in a SyntaxError.
	ErrMessageTooLarge = errors.New("message too large")
)

// SyntaxError reports bytes that RFC 6455 forbids, or a message beyond the
// limit. After it nothing more can be read from the stream.
type SyntaxError struct {
	// Offset counts bytes of the stream from 0. It is the offending byte of a frame's header; where the content of a
	// message is at fault it is the first byte of the message's first frame.
	Offset int64
	// Reason says what was found and what would have been right.
	Reason string
	// Code is the status code to close the connection with (section 7.4.1): 1002, 1007 or 1009.
	Code int
	// Err is the broken rule, as one of the ErrProtocol… of github.com/gobwas/ws, or ErrMessageTooLarge,
	// io.ErrUnexpectedEOF, or an error of the decompressor. It may be nil.
	Err error
}

// Error returns the offset and the reason.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("offset %d: %s", e.Offset, e.Reason)
}

// Unwrap returns e.Err.
func (e *SyntaxError) Unwrap() error { return e.Err }
