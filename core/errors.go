package core

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ws76/ws76/core/hixie"
)

var (
	// ErrMessageTooLarge is wrapped by every error about a message over the limit.
	ErrMessageTooLarge = errors.New("message too large")
	// ErrBinary is returned when a binary message is to be sent in a dialect that has none.
	ErrBinary = errors.New("drafts 75 and 76 have no binary messages; send text, for instance base64")
	// ErrClosing is returned by Send after this side has sent its closing frame.
	ErrClosing = errors.New("the closing frame has been sent; nothing may follow it")
	// ErrNoClosingFrame is the Err of a *CloseError where the stream has ended between
	// two frames, before either side's closing frame.
	ErrNoClosingFrame = fmt.Errorf("the peer closed the stream without a closing frame: %w", io.ErrUnexpectedEOF)
)

// InvalidUTF8Error is returned by Send for a text that is not UTF-8. Nothing of it was sent.
type InvalidUTF8Error struct {
	Offset int // of the first bad byte in the message
}

func (e *InvalidUTF8Error) Error() string {
	return fmt.Sprintf("text to send is not UTF-8 from byte %d on", e.Offset)
}

// HandshakeError says at which step an opening handshake failed, what was got there and what was wanted.
type HandshakeError struct {
	Dialect Dialect // "" where it was not yet known
	Step    string  // "status line", "fields", "Sec-WebSocket-Location", "answer", …
	Field   string  // the field, where one is to blame
	Got     string
	Want    string
	Status  int          // HTTP status that came (client) or was answered (server); 0: none
	Fields  hixie.Fields // of the head that came, where one did
	Body    []byte       // first bytes behind a refusal's head, at most 1 KiB
	Hint    string       // what would help, where that is known
	Err     error        // what lies behind: *hixie.KeyError, *hixie.SyntaxError, an I/O error
}

// StepTLS is the Step of a server's HandshakeError for a TLS handshake that failed.
const StepTLS = "TLS"

func (e *HandshakeError) Error() string {
	var b strings.Builder
	b.WriteString("handshake")
	if e.Dialect != "" {
		fmt.Fprintf(&b, " (%s)", e.Dialect)
	}
	fmt.Fprintf(&b, ": %s", e.Step)
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	} else {
		fmt.Fprintf(&b, ": got %s", e.Got)
		if e.Want != "" {
			fmt.Fprintf(&b, ", want %s", e.Want)
		}
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, "; %s", e.Hint)
	}
	return b.String()
}

func (e *HandshakeError) Unwrap() error { return e.Err }

// NotWebSocketError is returned by Accept for an HTTP request that asks for no
// WebSocket. Nothing was answered: the caller may, in HTTP.
type NotWebSocketError struct {
	Request hixie.Request
	Read    []byte // every byte taken off the stream, the head first
}

func (e *NotWebSocketError) Error() string {
	return fmt.Sprintf("%s %s asks for no WebSocket: it has no Upgrade field", e.Request.Method, e.Request.Resource)
}

// ErrMessageSlow is wrapped where a message has not arrived whole within AcceptOptions.MessageTimeout, and ErrNotRead
// where a peer takes nothing of what is sent to it for AcceptOptions.WriteTimeout.
var (
	ErrMessageSlow = errors.New("the message takes too long")
	ErrNotRead     = errors.New("the peer does not read")
)

// CloseError says how a connection ended. Receive returns it once all messages
// are delivered, and from then on every call does.
type CloseError struct {
	// Clean: both sides have sent and received a closing frame. In hixie-75,
	// which has none: the stream ended between two frames.
	Clean bool
	// Unanswered: this side's closing frame got no answer before the stream ended or the time was up, between two
	// frames. Many servers of the drafts never answer.
	Unanswered bool
	// ByPeer: the peer closed first.
	ByPeer bool
	// Code and Reason are RFC 6455's. For the drafts Code is 1005 (none) after a clean close and 1006 otherwise.
	Code   int
	Reason string
	// Err is what ended an unclean connection: ErrNoClosingFrame, a *hixie.SyntaxError, a network error.
	Err error
}

func (e *CloseError) Error() string {
	var b strings.Builder
	switch {
	case e.Clean:
		b.WriteString("closed")
	case e.Unanswered:
		b.WriteString("closed, but the peer did not answer the closing frame")
	default:
		b.WriteString("connection ended uncleanly")
	}
	if e.Code != codeNone && e.Code != codeAbnormal {
		fmt.Fprintf(&b, " (code %d", e.Code)
		if e.Reason != "" {
			fmt.Fprintf(&b, ", %q", e.Reason)
		}
		b.WriteByte(')')
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

func (e *CloseError) Unwrap() error { return e.Err }

// OnlyUnanswered reports whether all that went wrong, with one connection or several, is
// that our closing frame got no answer, as is usual with servers of the drafts.
func OnlyUnanswered(err error) bool {
	return OnlyClose(err, func(ce *CloseError) bool { return ce.Unanswered })
}

// OnlyClose reports whether err is nothing but ends of connections that are harmless. That is false for nil.
func OnlyClose(err error, harmless func(*CloseError) bool) bool {
	switch e := err.(type) {
	case *CloseError:
		return harmless(e)
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			if !OnlyClose(err, harmless) {
				return false
			}
		}
		return true
	case interface{ Unwrap() error }:
		return OnlyClose(e.Unwrap(), harmless)
	}
	return false
}

// Speaks returns the dialect that the answer is one of, "" where it is none.
func (e *HandshakeError) Speaks() Dialect {
	for i, p := range slices.Backward(protocols[:]) {
		if p.answered(e) {
			return Dialects[i]
		}
	}
	return ""
}
