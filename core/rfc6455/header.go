package rfc6455

import (
	"encoding/binary"

	"github.com/gobwas/ws"
)

// frame is the header of a frame and where it starts in the stream.
type frame struct {
	ws.Header
	offset int64
}

// fragment reports whether f is part of a message in several frames.
func (f *frame) fragment() bool {
	return !f.Fin || f.OpCode == ws.OpContinuation
}

// parseHeader parses the header at the start of b, which starts at offset in
// the stream, into f. n is its size, 0 where b does not hold all of it.
//
// Every byte is checked before the next is looked at, so a mistake is reported
// as early as can be, and is the same however the input was cut.
//
// The library reads headers from an io.Reader, in two reads and without checking for the shortest form of the length.
// Parsing them where they lie takes a quarter of the time and makes the order of checks ours.
func (d *Decoder) parseHeader(f *frame, b []byte, offset int64) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	f.offset = offset
	f.Fin = b[0]&bitFin != 0
	f.Rsv = b[0] >> 4 & 7
	f.OpCode = ws.OpCode(b[0] & 0xF)
	// A whole message in one frame, which most are, has nothing to check here.
	if b[0]&^3 != bitFin || f.OpCode == ws.OpContinuation || f.OpCode == 3 || d.inMessage() {
		if err := d.checkFirst(f); err != nil {
			return 0, err
		}
	}

	if len(b) < 2 {
		return 0, nil
	}
	f.Masked = b[1]&bitMask != 0
	if f.Masked != d.Masked {
		return 0, d.maskError(offset + 1)
	}
	n = 2
	f.Length = int64(b[1] &^ bitMask)
	if f.OpCode.IsControl() {
		if err := d.checkControl(f); err != nil {
			return 0, err
		}
	}
	if f.Length >= len16 {
		if n, err = d.parseLength(f, b); n == 0 || err != nil {
			return 0, err
		}
	}
	if f.OpCode.IsData() && (f.Length > d.limit() || d.inMessage()) {
		if err := d.checkSize(f); err != nil {
			return 0, err
		}
	}
	if f.Masked {
		if len(b) < n+len(f.Mask) {
			return 0, nil
		}
		f.Mask = [4]byte(b[n:])
		n += len(f.Mask)
	}
	return n, nil
}

// checkFirst checks the first byte of a header: section 5.2, 5.4 and 5.5.
func (d *Decoder) checkFirst(f *frame) error {
	op, at := f.OpCode, f.offset
	if op.IsReserved() {
		return d.protocolError(at, ws.ErrProtocolOpCodeReserved,
			"reserved opcode 0x%x; data frames are 0x0 to 0x2, control frames 0x8 to 0xa", byte(op))
	}
	if _, rsv2, rsv3 := ws.RsvBits(f.Rsv); rsv2 || rsv3 {
		return d.protocolError(at, ws.ErrProtocolNonZeroRsv,
			"%s frame with reserved bits 0x%x; no extension that was agreed on uses RSV2 or RSV3", name(op), f.Rsv)
	}
	if f.Rsv1() {
		switch {
		case d.Inflate == nil:
			return d.protocolError(at, ws.ErrProtocolNonZeroRsv,
				"%s frame with RSV1 set; no compression was agreed on", name(op))
		case op.IsControl() || op == ws.OpContinuation:
			return d.protocolError(at, ws.ErrProtocolNonZeroRsv,
				"%s frame with RSV1 set; it belongs on the first frame of a message only", name(op))
		}
	}
	switch {
	case op.IsControl():
		if !f.Fin {
			return d.protocolError(at, ws.ErrProtocolControlNotFinal, "fragmented %s frame", name(op))
		}
	case op == ws.OpContinuation:
		if !d.inMessage() {
			return d.protocolError(at, ws.ErrProtocolContinuationUnexpected,
				"continuation frame without a message to continue")
		}
	case d.inMessage():
		return d.protocolError(at, ws.ErrProtocolContinuationExpected,
			"%s frame inside the fragmented message that started at offset %d; a continuation was due",
			name(op), d.held.first.offset)
	}
	return nil
}

// maskError reports a mask bit that does not suit the sender: section 5.1.
func (d *Decoder) maskError(at int64) error {
	if d.Masked {
		return d.protocolError(at, ws.ErrProtocolMaskRequired, "frame without a mask; a client must mask")
	}
	return d.protocolError(at, ws.ErrProtocolMaskUnexpected, "masked frame; a server must not mask")
}

// checkControl checks the short length of a control frame: section 5.5.
func (d *Decoder) checkControl(f *frame) error {
	if f.Length > MaxControl {
		return d.protocolError(f.offset+1, ws.ErrProtocolControlPayloadOverflow,
			"%s frame of more than %d bytes", name(f.OpCode), MaxControl)
	}
	if f.OpCode == ws.OpClose && f.Length == 1 {
		return d.protocolError(f.offset+1, nil, "close frame of 1 byte; a status code takes 2")
	}
	return nil
}

// parseLength reads the length that follows the second byte of a header, and
// returns the size of the header up to there, 0 where b does not hold it.
func (d *Decoder) parseLength(f *frame, b []byte) (n int, err error) {
	at := f.offset + 2
	if f.Length == len16 {
		if len(b) < 4 {
			return 0, nil
		}
		f.Length = int64(binary.BigEndian.Uint16(b[2:]))
		n = 4
	} else {
		if len(b) > 2 && b[2]&0x80 != 0 {
			return 0, d.protocolError(at, ws.ErrHeaderLengthMSB, "length with its highest bit set")
		}
		if len(b) < 10 {
			return 0, nil
		}
		f.Length = int64(binary.BigEndian.Uint64(b[2:]))
		n = 10
	}
	// "The minimal number of bytes MUST be used to encode the length."
	if least := ws.HeaderSize(ws.Header{Length: f.Length}); n != least {
		return 0, d.protocolError(at, ws.ErrHeaderLengthUnexpected,
			"length %d written in %d bytes; the shortest form is a must", f.Length, n-2)
	}
	return n, nil
}

// checkSize holds the length of a data frame, with what its message has already, against the limit.
func (d *Decoder) checkSize(f *frame) error {
	var have int64
	compressed := f.Rsv1()
	if d.inMessage() {
		have = int64(len(d.held.message.b))
		compressed = d.held.first.Rsv1()
	}
	limit := d.limit()
	if compressed {
		limit = compressedLimit(limit)
	}
	if f.Length <= limit-have {
		return nil
	}
	what := "message"
	if compressed {
		what = "compressed message"
	}
	if have > 0 {
		return d.tooLarge(f.offset, "%s of %d bytes so far and %d in the next frame, more than the limit of %d", what, have, f.Length, limit)
	}
	return d.tooLarge(f.offset, "%s of %d bytes, more than the limit of %d", what, f.Length, limit)
}

// compressedLimit is how long a compressed message may be where limit is the
// limit of the plain one: data that does not compress grows a little.
func compressedLimit(limit int64) int64 {
	return limit + limit/8 + 64
}

// name names an opcode for an error text.
func name(op ws.OpCode) string {
	if op == ws.OpContinuation {
		return "continuation"
	}
	return EventKind(op).String()
}
