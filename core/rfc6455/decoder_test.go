package rfc6455

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

func TestViolations(t *testing.T) {
	const zero = "00 00 00 00" // a mask that changes nothing
	tests := []struct {
		name   string
		d      Decoder
		wire   string
		offset int64
		code   int
		cause  error  // nil: any
		reason string // part of it
	}{
		{"reserved data opcode", Decoder{}, "83 00", 0, 1002, ws.ErrProtocolOpCodeReserved, "0x3"},
		{"reserved control opcode", Decoder{}, "8b 00", 0, 1002, ws.ErrProtocolOpCodeReserved, "0xb"},
		{"reserved opcode after a message", Decoder{}, "81 01 41  8f 00", 3, 1002, ws.ErrProtocolOpCodeReserved, "0xf"},
		{"RSV1 without compression", Decoder{}, "c1 00", 0, 1002, ws.ErrProtocolNonZeroRsv, "no compression"},
		{"RSV2", Decoder{}, "a1 00", 0, 1002, ws.ErrProtocolNonZeroRsv, "RSV2"},
		{"RSV3", Decoder{Inflate: new(Flate)}, "91 00", 0, 1002, ws.ErrProtocolNonZeroRsv, "RSV3"},
		{"RSV1 on a ping", Decoder{Inflate: new(Flate)}, "c9 00", 0, 1002, ws.ErrProtocolNonZeroRsv, "ping"},
		{"RSV1 on a continuation", Decoder{Inflate: new(Flate)}, "41 01 00  c0 00", 3, 1002, ws.ErrProtocolNonZeroRsv, "continuation"},
		{"no mask", Decoder{Masked: true}, "81 00", 1, 1002, ws.ErrProtocolMaskRequired, "must mask"},
		{"mask", Decoder{}, "81 80" + zero, 1, 1002, ws.ErrProtocolMaskUnexpected, "must not mask"},
		{"fragmented ping", Decoder{}, "09 00", 0, 1002, ws.ErrProtocolControlNotFinal, "ping"},
		{"fragmented close", Decoder{}, "08 00", 0, 1002, ws.ErrProtocolControlNotFinal, "close"},
		{"long ping", Decoder{}, "89 7e 00 7e", 1, 1002, ws.ErrProtocolControlPayloadOverflow, "125"},
		{"longest pong", Decoder{Masked: true}, "8a ff", 1, 1002, ws.ErrProtocolControlPayloadOverflow, "125"},
		{"continuation of nothing", Decoder{}, "80 00", 0, 1002, ws.ErrProtocolContinuationUnexpected, "continue"},
		{"continuation after the end", Decoder{}, "01 00  80 00  00 00", 4, 1002, ws.ErrProtocolContinuationUnexpected, "continue"},
		{"text inside a message", Decoder{}, "89 00 02 01 41  81 00", 5, 1002, ws.ErrProtocolContinuationExpected, "started at offset 2"},
		{"binary inside a message", Decoder{}, "01 00  02 00", 2, 1002, ws.ErrProtocolContinuationExpected, "started at offset 0"},
		{"length 125 in 2 bytes", Decoder{}, "81 7e 00 7d", 2, 1002, ws.ErrHeaderLengthUnexpected, "length 125"},
		{"length 65535 in 8 bytes", Decoder{}, "81 7f 00 00 00 00 00 00 ff ff", 2, 1002, ws.ErrHeaderLengthUnexpected, "length 65535"},
		{"64-bit length", Decoder{}, "81 7f 80 00 00 00 00 00 00 00", 2, 1002, ws.ErrHeaderLengthMSB, "highest bit"},
		{"63-bit length", Decoder{}, "81 7f 7f ff ff ff ff ff ff ff", 0, 1009, ErrMessageTooLarge, "9223372036854775807"},
		{"63-bit length after a fragment", Decoder{}, "01 01 41  80 7f 7f ff ff ff ff ff ff ff", 3, 1009, ErrMessageTooLarge, "1 bytes so far"},
		{"default limit", Decoder{}, "82 7f 00 00 00 00 01 00 00 01", 0, 1009, ErrMessageTooLarge, "limit of 16777216"},
		{"small limit", Decoder{MaxMessage: 4}, "81 05", 0, 1009, ErrMessageTooLarge, "limit of 4"},
		{"limit over fragments", Decoder{MaxMessage: 4}, "01 02 41 41  89 00 00 02 41 41  80 01", 10, 1009, ErrMessageTooLarge, "4 bytes so far and 1"},
		{"limit on the wire", Decoder{MaxMessage: 8, Inflate: new(Flate)}, "c1 4a", 0, 1009, ErrMessageTooLarge, "compressed message of 74 bytes"},
		{"limit after inflating", Decoder{MaxMessage: 4, Inflate: new(Flate)}, "c1 07 f2 48 cd c9 c9 07 00", 0, 1009, ErrMessageTooLarge, "inflated to more than the limit of 4"},
		{"not deflate", Decoder{Inflate: new(Flate)}, "81 01 41  c1 02 ff ff", 3, 1007, nil, "cannot be inflated"},
		{"close of 1 byte", Decoder{}, "88 01 03", 1, 1002, nil, "takes 2"},
		{"close 999", Decoder{}, "88 02 03 e7", 0, 1002, ws.ErrProtocolStatusCodeNotInUse, "999"},
		{"close 1004", Decoder{}, "88 02 03 ec", 0, 1002, ws.ErrProtocolStatusCodeNoMeaning, "1004"},
		{"close 1005", Decoder{}, "88 02 03 ed", 0, 1002, ws.ErrProtocolStatusCodeApplicationLevel, "1005"},
		{"close 1006", Decoder{Masked: true}, "88 82" + zero + "03 ee", 0, 1002, ws.ErrProtocolStatusCodeApplicationLevel, "1006"},
		{"close 1015", Decoder{}, "88 02 03 f7", 0, 1002, ws.ErrProtocolStatusCodeApplicationLevel, "1015"},
		{"close 2999", Decoder{}, "88 02 0b b7", 0, 1002, ws.ErrProtocolStatusCodeUnknown, "2999"},
		{"close 5000", Decoder{}, "88 02 13 88", 0, 1002, nil, "5000"},
		{"close reason", Decoder{}, "88 04 03 e8 c3 28", 0, 1007, ws.ErrProtocolInvalidUTF8, "reason"},
		{"text", Decoder{}, "81 03 41 ff 42", 0, 1007, nil, "0xff at byte 1"},
		{"cut text", Decoder{}, "82 01 ff  81 02 41 c3", 3, 1007, nil, "0xc3 at byte 1"},
		{"fragmented text", Decoder{}, "82 00 01 01 c3  80 01 28", 2, 1007, nil, "0xc3 at byte 0"},
		{"compressed text", Decoder{Inflate: new(Flate)}, "c1 07 00 01 00 fe ff ff 00", 0, 1007, nil, "0xff at byte 0"},
		{"surrogate", Decoder{}, "81 03 ed a0 80", 0, 1007, nil, "0xed at byte 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wire := unhex(t, tt.wire)
			for n := 1; n <= len(wire); n++ {
				d := tt.d
				o := run(t, &d, pieces(wire, n))
				if o.err == nil {
					t.Fatalf("in pieces of %d: no error, %d events, end %q", n, len(o.events), o.end)
				}
				if o.err.Offset != tt.offset || o.err.Code != tt.code || !strings.Contains(o.err.Reason, tt.reason) {
					t.Errorf("in pieces of %d: %v with code %d, want offset %d, %q, code %d", n, o.err, o.err.Code, tt.offset, tt.reason, tt.code)
				}
				if tt.cause != nil && !errors.Is(o.err, tt.cause) {
					t.Errorf("in pieces of %d: %v wraps %v, want %v", n, o.err, o.err.Err, tt.cause)
				}
				if end := d.End(); end != o.err {
					t.Errorf("End after an error is %v", end)
				}
			}
		})
	}
}

// A mistake is reported with the byte that makes it one, without waiting for
// the rest of the header, let alone the payload.
func TestEarlyErrors(t *testing.T) {
	for _, wire := range []string{"83", "09", "80", "8100", "89fe", "88 81", "81ff 80", "81fe 0001", "81ff 0000000000000001", "81ff 7fffffffffffffff"} {
		d := Decoder{Masked: true}
		p := unhex(t, wire)
		o := run(t, &d, pieces(p, 1))
		if o.err == nil {
			t.Errorf("%s: no error yet", wire)
		}
		d = Decoder{Masked: true}
		if o := run(t, &d, [][]byte{p[:len(p)-1]}); o.err != nil {
			t.Errorf("%s: error already before the last byte: %v", wire, o.err)
		}
	}
}

func TestFragmentsAndControl(t *testing.T) {
	for _, masked := range []bool{false, true} {
		var mask *[4]byte
		if masked {
			mask = &[4]byte{1, 2, 3, 250}
		}
		var wire []byte
		fragment := func(op byte, fin bool, p string) {
			wire = AppendHeader(wire, op, fin, false, len(p), mask)
			n := len(wire)
			wire = append(wire, p...)
			if masked {
				Mask(wire[n:], *mask, 0)
			}
		}
		fragment(OpText, false, "gr\xc3")
		fragment(OpPing, true, "are you there?")
		fragment(OpContinuation, false, "")
		fragment(OpPong, true, "")
		fragment(OpContinuation, true, "\xbcn")
		fragment(OpBinary, true, "\xff")
		second := int64(len(wire))
		fragment(OpBinary, false, "")
		fragment(OpContinuation, true, "")
		wire = AppendClose(wire, 4000, "enough", mask)
		at := int64(len(wire))
		wire = append(wire, "never read"...)

		want := outcome{
			events: []Event{
				{Kind: Ping, Data: []byte("are you there?")},
				{Kind: Pong},
				{Kind: Text, Data: []byte("grün")},
				{Kind: Binary, Data: []byte{0xff}},
				{Kind: Binary, Offset: second},
				{Kind: Close, Code: 4000, Reason: "enough"},
			},
			offset: at,
			rest:   "never read",
		}
		whole := run(t, &Decoder{Masked: masked}, [][]byte{wire})
		for i := range want.events { // the others are checked by eye and by the fuzzer
			if i != 4 {
				want.events[i].Offset = whole.events[i].Offset
			}
		}
		sameOutcome(t, whole, want, "whole")
		for n := 1; n < len(wire); n++ {
			sameOutcome(t, run(t, &Decoder{Masked: masked}, pieces(wire, n)), whole, "in pieces")
			sameOutcome(t, run(t, &Decoder{Masked: masked}, [][]byte{wire[:n], wire[n:]}), whole, "in two")
		}
	}
}

func TestAfterClose(t *testing.T) {
	d := Decoder{}
	d.Feed(unhex(t, "88 00 81 01 41"))
	ev, err := d.Next()
	if err != nil || ev.Kind != Close || ev.Code != CodeNoStatus || ev.Reason != "" || ev.Data != nil {
		t.Fatalf("%+v, %v; want a Close without a code", ev, err)
	}
	if _, err := d.Next(); err != io.EOF {
		t.Errorf("Next after a Close: %v, want io.EOF", err)
	}
	if d.Offset() != 2 || len(d.Rest()) != 3 {
		t.Errorf("offset %d, %d bytes left; want 2 and 3", d.Offset(), len(d.Rest()))
	}
	d.Feed([]byte("more"))
	if _, err := d.Next(); err != io.EOF || d.Offset() != 5 || string(d.Rest()) != "more" {
		t.Errorf("%v at %d with %q; want EOF at 5", err, d.Offset(), d.Rest())
	}
	if err := d.End(); err != nil {
		t.Errorf("End: %v", err)
	}
}

func TestEnd(t *testing.T) {
	tests := []struct{ wire, want string }{
		{"", ""},
		{"81 01 41", ""},
		{"88 02 03 e8", ""},
		{"81", "offset 1: stream ends 1 bytes into the header"},
		{"81 01 41 81 7e 01", "offset 6: stream ends 3 bytes into the header"},
		{"81 05 41 42", "offset 4: stream ends 2 bytes into the 5 of a text frame"},
		{"89 02", "offset 2: stream ends 0 bytes into the 2 of a ping frame"},
		{"02 01 41", "offset 3: stream ends inside the fragmented message that started at offset 0"},
	}
	for _, tt := range tests {
		for n := 1; n <= 4; n++ {
			d := Decoder{}
			run(t, &d, pieces(unhex(t, tt.wire), n))
			err := d.End()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want) || !errors.Is(err, io.ErrUnexpectedEOF)) {
				t.Errorf("%s: %v, want %q", tt.wire, err, tt.want)
			}
		}
	}
}

func TestFeedTooEarly(t *testing.T) {
	d := Decoder{}
	d.Feed(unhex(t, "81 01 41 81 01 42"))
	if _, err := d.Next(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("Feed dropped what was left of the input")
		}
	}()
	d.Feed([]byte{0x81})
}

// A whole frame is handed out where it lies; a fragment or a piece is copied
// and its input is free for the next read.
func TestDataPointsIntoInput(t *testing.T) {
	wire := AppendMessage(nil, false, []byte("payload"), &specMask)
	d := Decoder{Masked: true}
	d.Feed(wire)
	ev, err := d.Next()
	if err != nil || &ev.Data[0] != &wire[6] || string(wire[6:]) != "payload" {
		t.Fatalf("%q, %v; want the input itself, unmasked", ev.Data, err)
	}
	if cap(ev.Data) != len(ev.Data) {
		t.Errorf("an append to the data would overwrite the input behind it")
	}
}

// What was fed is the caller's again, be it to be collected: not even an empty end of
// it is kept.
func TestInputIsLetGo(t *testing.T) {
	for _, wire := range []string{"81 01 41", "81 01 41 81", "81 02 41", "01 01 41", "89 01 41", "89 02 41"} {
		var d Decoder
		d.Feed(unhex(t, wire))
		var err error
		for err == nil {
			_, err = d.Next()
		}
		if err != ErrIncomplete || d.Rest() != nil {
			t.Errorf("%s: %v, rest %#v", wire, err, d.Rest())
		}
	}
}

func TestBuffer(t *testing.T) {
	payload := make([]byte, 1<<20)
	for i := range payload {
		payload[i] = byte(i * 7 >> 3)
	}
	wire := AppendMessage(nil, false, payload, &specMask)
	wire = AppendMessage(wire, true, []byte("next"), &specMask)
	d := Decoder{Masked: true}
	if d.Buffer() != nil {
		t.Fatal("Buffer before anything was fed")
	}
	got := run(t, &d, pieces(wire, 10000))
	if len(got.events) != 2 || !bytes.Equal(got.events[0].Data, payload) || string(got.events[1].Data) != "next" {
		t.Fatalf("%d events, error %v", len(got.events), got.err)
	}

	d = Decoder{Masked: true, MaxMessage: 1 << 29}
	// A length that is only claimed.
	d.Feed(unhex(t, "82 ff 00 00 00 00 10 00 00 00  00 00 00 00  00"))
	if _, err := d.Next(); err != ErrIncomplete {
		t.Fatal(err)
	}
	if d.Buffer() != nil {
		t.Error("Buffer for a frame of which 1 byte has come")
	}
	if n := cap(d.held.message.b); n > smallest {
		t.Errorf("%d bytes of memory for 1 that has come", n)
	}
	d.Feed(make([]byte, large))
	if _, err := d.Next(); err != ErrIncomplete {
		t.Fatal(err)
	}
	for total := 1 + large; total < 1<<20; {
		b := d.Buffer()
		if len(b) < readSpace {
			t.Fatalf("Buffer of %d bytes with %d held", len(b), total)
		}
		if n := cap(d.held.message.b); n > 2*(total+readSpace) {
			t.Fatalf("%d bytes of memory for %d that have come", n, total)
		}
		total += len(b)
		d.Advance(len(b))
		if _, err := d.Next(); err != ErrIncomplete {
			t.Fatal(err)
		}
	}
}

// The buffer never reaches beyond the end of the frame.
func TestBufferEnd(t *testing.T) {
	wire := AppendMessage(nil, false, make([]byte, large+100), nil)
	d := Decoder{}
	d.Feed(wire[:large+20])
	if _, err := d.Next(); err != ErrIncomplete {
		t.Fatal(err)
	}
	b := d.Buffer()
	if left := len(wire) - large - 20; len(b) != left {
		t.Fatalf("Buffer of %d bytes, %d are missing", len(b), left)
	}
	d.Advance(len(b))
	if ev, err := d.Next(); err != nil || len(ev.Data) != large+100 {
		t.Fatalf("%d bytes, %v", len(ev.Data), err)
	}
	if d.Buffer() != nil {
		t.Error("Buffer between two frames")
	}
}

func TestLargeBufferIsReleased(t *testing.T) {
	big := AppendMessage(nil, false, make([]byte, 1<<20), nil)
	small := AppendMessage(nil, false, []byte("small"), nil)
	d := Decoder{}
	feed := func(wire []byte) {
		t.Helper()
		if o := run(t, &d, pieces(wire, 1<<19)); len(o.events) != 1 {
			t.Fatalf("%d events, error %v", len(o.events), o.err)
		}
	}
	feed(big)
	for range patience - 1 {
		feed(small)
	}
	if cap(d.held.message.b) < 1<<20 {
		t.Fatal("buffer given up at once")
	}
	feed(big) // one of these makes it wait again
	for range patience - 1 {
		feed(small)
	}
	if cap(d.held.message.b) < 1<<20 {
		t.Fatal("buffer given up although large messages come")
	}
	for range 3 {
		feed(small)
	}
	if n := cap(d.held.message.b); n > keep {
		t.Errorf("%d bytes are kept after %d small messages", n, patience)
	}
}
