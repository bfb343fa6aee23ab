package core

import (
	"fmt"

	"github.com/ws76/ws76/core/hixie"
)

// Trace shows what a connection does while it does it. Every field may be nil. The functions are called from whichever
// goroutine does the work, so they must be safe for concurrent use; what they are given is valid until they return.
type Trace struct {
	// Request and Response show the heads of the opening handshake, sent or received.
	Request  func(*hixie.Request)
	Response func(*hixie.Response)
	// Frame shows a frame: type is the draft's type byte or RFC 6455's opcode. A
	// message of RFC 6455 in many fragments is shown once, whole.
	Frame func(sent bool, typ byte, payload []byte)
	// Note says what was tolerated, skipped or mended.
	Note func(text string)
}

func (t *Trace) request(r *hixie.Request) {
	if t != nil && t.Request != nil {
		t.Request(r)
	}
}

func (t *Trace) response(r *hixie.Response) {
	if t != nil && t.Response != nil {
		t.Response(r)
	}
}

func (t *Trace) sawFrame(sent bool, typ byte, payload []byte) {
	if t != nil && t.Frame != nil {
		t.Frame(sent, typ, payload)
	}
}

func (t *Trace) note(format string, args ...any) {
	if t != nil && t.Note != nil {
		t.Note(fmt.Sprintf(format, args...))
	}
}

// wantsFrames reports whether payloads of skipped frames must be kept.
func (t *Trace) wantsFrames() bool { return t != nil && t.Frame != nil }
