package rfc6455

import (
	"encoding/binary"
	"fmt"

	"github.com/gobwas/ws"
)

// The library writes headers to an io.Writer only, which costs an allocation
// or a scratch buffer for each; on slices the same is a few appends.

const (
	bitFin  = 0x80 // byte 0
	bitRSV1 = 0x40 // byte 0: compressed (RFC 7692 section 6)
	bitMask = 0x80 // byte 1

	len16 = 126 // byte 1: two bytes of length follow
	len64 = 127 // byte 1: eight bytes of length follow
)

// MaxHeader is the largest header of a frame in bytes.
const MaxHeader = ws.MaxHeaderSize

// AppendHeader appends the header of a frame with length bytes of payload to dst. compressed sets RSV1, which belongs
// on the first frame of a message only. With a mask the caller has to mask the payload ([Mask]). length must not be
// negative.
func AppendHeader(dst []byte, op byte, fin, compressed bool, length int, mask *[4]byte) []byte {
	if fin {
		op |= bitFin
	}
	if compressed {
		op |= bitRSV1
	}
	var masked byte
	if mask != nil {
		masked = bitMask
	}
	switch {
	case length < len16:
		dst = append(dst, op, masked|byte(length))
	case length <= 0xFFFF:
		dst = append(dst, op, masked|len16, byte(length>>8), byte(length))
	default:
		dst = append(dst, op, masked|len64)
		dst = binary.BigEndian.AppendUint64(dst, uint64(length))
	}
	if mask != nil {
		dst = append(dst, mask[:]...)
	}
	return dst
}

// AppendMessage appends p as one unfragmented frame to dst: text, which must be valid UTF-8, or binary. A client gives
// a mask, random and new for each frame; a server gives nil. p is copied and left as it is.
func AppendMessage(dst []byte, text bool, p []byte, mask *[4]byte) []byte {
	return appendFrame(dst, dataOp(text), false, p, mask)
}

// AppendControl appends a control frame to dst. It panics where op is no control opcode or p is longer than MaxControl
// bytes: both are mistakes of the program. Use AppendClose for a Close.
func AppendControl(dst []byte, op byte, p []byte, mask *[4]byte) []byte {
	if c := ws.OpCode(op); !c.IsControl() || c.IsReserved() {
		panic(fmt.Sprintf("rfc6455: AppendControl: 0x%x is no control opcode", op))
	}
	if len(p) > MaxControl {
		panic(fmt.Sprintf("rfc6455: AppendControl: %d bytes of payload, at most %d fit", len(p), MaxControl))
	}
	return appendFrame(dst, op, false, p, mask)
}

// AppendClose appends a Close to dst. It always writes a valid one: the code is SendCode(code), without a code there is
// no reason either, invalid UTF-8 in the reason becomes U+FFFD, and what is beyond MaxReason bytes is cut off between
// characters.
func AppendClose(dst []byte, code int, reason string, mask *[4]byte) []byte {
	code = SendCode(code)
	if code == CodeNoStatus {
		return appendFrame(dst, OpClose, false, nil, mask)
	}
	reason = sendReason(reason)
	var p [MaxControl]byte
	ws.PutCloseFrameBody(p[:2+len(reason)], ws.StatusCode(code), reason)
	return appendFrame(dst, OpClose, false, p[:2+len(reason)], mask)
}

func appendFrame(dst []byte, op byte, compressed bool, p []byte, mask *[4]byte) []byte {
	dst = AppendHeader(dst, op, true, compressed, len(p), mask)
	n := len(dst)
	dst = append(dst, p...)
	if mask != nil {
		Mask(dst[n:], *mask, 0)
	}
	return dst
}

func dataOp(text bool) byte {
	if text {
		return OpText
	}
	return OpBinary
}
