package rfc6455

import (
	"fmt"

	"github.com/gobwas/ws"
)

// Opcodes of section 5.2, for AppendHeader and AppendControl.
const (
	OpContinuation = byte(ws.OpContinuation)
	OpText         = byte(ws.OpText)
	OpBinary       = byte(ws.OpBinary)
	OpClose        = byte(ws.OpClose)
	OpPing         = byte(ws.OpPing)
	OpPong         = byte(ws.OpPong)
)

// MaxControl is the largest payload of a control frame in bytes (section 5.5).
const MaxControl = ws.MaxControlFramePayloadSize

// EventKind says what an Event is. Its values are the opcodes.
type EventKind byte

// The kinds of events. A message in many frames is one Text or Binary.
const (
	Text   = EventKind(OpText)
	Binary = EventKind(OpBinary)
	Close  = EventKind(OpClose)
	Ping   = EventKind(OpPing)
	Pong   = EventKind(OpPong)
)

// String returns the kind's name in lower case.
func (k EventKind) String() string {
	switch k {
	case Text:
		return "text"
	case Binary:
		return "binary"
	case Close:
		return "close"
	case Ping:
		return "ping"
	case Pong:
		return "pong"
	}
	return fmt.Sprintf("opcode 0x%x", byte(k))
}

// Event is a whole message or a control frame.
type Event struct {
	Kind EventKind
	// Data is the message, or what a Ping or Pong carries (at most MaxControl bytes); nil for a Close. It is valid
	// until the next call of a method of the Decoder. The receiver may modify it.
	Data []byte
	// Code is the status code of a Close; CodeNoStatus where it carried none. 0 for other kinds.
	Code int
	// Reason is the text of a Close, valid UTF-8.
	Reason string
	// Offset is where the event's first frame starts in the stream.
	Offset int64
}
