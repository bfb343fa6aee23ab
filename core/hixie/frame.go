package hixie

import (
	"errors"
	"math/bits"
)

// Type bytes of frames (section 4.2 of draft 75, sections 4.2 and 5.3 of draft 76). A type without the high bit is
// followed by data up to a sentinel; one with it by a length and that many bytes.
const (
	typeText    = 0x00
	typeClosing = 0xFF
	sentinel    = 0xFF
	lengthBit   = 0x80
)

// ErrMessageTooLarge is wrapped by the [SyntaxError] of a frame whose payload exceeds the limit of the [Decoder].
var ErrMessageTooLarge = errors.New("hixie: message too large")

// ErrBareFF is what [Decoder.End] returns when the stream ends in a single 0xFF:
// half of a closing frame, sent by some peers that mean a whole one.
var ErrBareFF = errors.New("hixie: stream ends in a bare 0xFF, half of a closing frame")

// Frame is one frame as it was on the wire.
type Frame struct {
	// Type is the first byte: 0x00 is a text message, 0x01..0x7F carry data up to
	// a sentinel, 0x80..0xFF a length and data.
	Type byte
	// Payload is what lies between: without the type byte, the sentinel and the length. It is not checked to be UTF-8
	// (see [ValidUTF8]), never nil for a text frame, and nil for a frame that was skipped (see [Decoder.KeepAll]).
	Payload []byte
	// Valid says that the payload is known to be UTF-8 and need not be checked. It may be false for such a payload.
	Valid bool
	// Length is the number of payload bytes, skipped or not.
	Length int64
	// Offset is where in the stream the type byte was.
	Offset int64
}

// IsText reports whether f is a text message.
func (f *Frame) IsText() bool { return f.Type == typeText }

// IsClosing reports whether f is the closing handshake of draft 76: type 0xFF
// with length 0, however many digits that was written with.
func (f *Frame) IsClosing() bool { return f.Type == typeClosing && f.Length == 0 }

// AppendText appends the text frame of message p to dst and returns the extended slice. p must be UTF-8 (see
// [AppendValidUTF8]): a byte 0xFF in it would end the frame early.
func AppendText(dst, p []byte) []byte {
	dst = append(dst, typeText)
	dst = append(dst, p...)
	return append(dst, sentinel)
}

// AppendFrame appends a frame of any type with payload p to dst and returns the extended slice. With a type below 0x80
// the payload must not hold the byte 0xFF, which would end the frame early. The draft lets nobody send types other than
// 0x00 and the closing frame: this is for tests and tools.
func AppendFrame(dst []byte, typ byte, p []byte) []byte {
	dst = append(dst, typ)
	if typ&lengthBit == 0 {
		dst = append(dst, p...)
		return append(dst, sentinel)
	}
	// The length in base 128, most significant digit first, the high bit set in all digits but the last.
	digits := max(1, (bits.Len64(uint64(len(p)))+6)/7)
	for i := digits - 1; i > 0; i-- {
		dst = append(dst, byte(len(p)>>(7*i))|0x80)
	}
	dst = append(dst, byte(len(p))&0x7F)
	return append(dst, p...)
}

// AppendClosing appends the closing frame, FF 00, to dst and returns the extended slice.
func AppendClosing(dst []byte) []byte { return append(dst, typeClosing, 0x00) }
