package rfc6455

import (
	"bytes"
	"testing"
)

var specMask = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// The examples of RFC 6455 section 5.7.
func TestSection57(t *testing.T) {
	zeros := make([]byte, 65536)
	tests := []struct {
		name   string
		wire   string
		tail   []byte // behind wire
		masked bool
		want   []Event
	}{
		{"unmasked text", "81 05 48 65 6c 6c 6f", nil, false,
			[]Event{{Kind: Text, Data: []byte("Hello")}}},
		{"masked text", "81 85 37 fa 21 3d 7f 9f 4d 51 58", nil, true,
			[]Event{{Kind: Text, Data: []byte("Hello")}}},
		{"fragmented unmasked text", "01 03 48 65 6c  80 02 6c 6f", nil, false,
			[]Event{{Kind: Text, Data: []byte("Hello")}}},
		{"unmasked ping and masked answer: ping", "89 05 48 65 6c 6c 6f", nil, false,
			[]Event{{Kind: Ping, Data: []byte("Hello")}}},
		{"unmasked ping and masked answer: pong", "8a 85 37 fa 21 3d 7f 9f 4d 51 58", nil, true,
			[]Event{{Kind: Pong, Data: []byte("Hello")}}},
		{"256 bytes binary", "82 7E 01 00", zeros[:256], false,
			[]Event{{Kind: Binary, Data: zeros[:256]}}},
		{"64 KiB binary", "82 7F 00 00 00 00 00 01 00 00", zeros, false,
			[]Event{{Kind: Binary, Data: zeros}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wire := append(unhex(t, tt.wire), tt.tail...)
			want := outcome{events: tt.want, offset: int64(len(wire))}
			sameOutcome(t, run(t, &Decoder{Masked: tt.masked}, [][]byte{wire}), want, "whole")
			sameOutcome(t, run(t, &Decoder{Masked: tt.masked}, pieces(wire, 1)), want, "byte by byte")

			var mask *[4]byte
			if tt.masked {
				mask = &specMask
			}
			if wire[0]&bitFin == 0 {
				return // AppendMessage does not fragment
			}
			var got []byte
			if ev := tt.want[0]; ev.Kind == Text || ev.Kind == Binary {
				got = AppendMessage(nil, ev.Kind == Text, ev.Data, mask)
			} else {
				got = AppendControl(nil, byte(ev.Kind), ev.Data, mask)
			}
			if !bytes.Equal(got, wire) {
				t.Errorf("appended %.32x, want %.32x", got, wire)
			}
		})
	}
}

// The examples of RFC 7692 section 7.2.3.
func TestSection723(t *testing.T) {
	tests := []struct{ name, wire, want string }{
		{"one block", "c1 07 f2 48 cd c9 c9 07 00", "Hello"},
		{"fragmented", "41 03 f2 48 cd  80 04 c9 c9 07 00", "Hello"},
		// Sharing the window is 7.2.3.2 and was not agreed on; the second
		// message is compressed afresh.
		{"two messages", "c1 07 f2 48 cd c9 c9 07 00  c1 07 f2 48 cd c9 c9 07 00", "HelloHello"},
		{"no compression", "c1 0b 00 05 00 fa ff 48 65 6c 6c 6f 00", "Hello"},
		{"final block", "c1 08 f3 48 cd c9 c9 07 00 00", "Hello"},
		{"two blocks", "c1 0d f2 48 05 00 00 00 ff ff ca c9 c9 07 00", "Hello"},
		{"nothing", "c1 01 00", ""},
		{"nothing, and no byte for it", "c1 00", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wire := unhex(t, tt.wire)
			for n := 1; n <= len(wire); n++ {
				o := run(t, &Decoder{Inflate: new(Flate)}, pieces(wire, n))
				var got string
				for _, ev := range o.events {
					got += string(ev.Data)
				}
				if o.err != nil || got != tt.want {
					t.Fatalf("in pieces of %d: %q, %v; want %q", n, got, o.err, tt.want)
				}
			}
		})
	}
}
