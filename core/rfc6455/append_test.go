package rfc6455

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

// Headers are what the library would write, at every step of the length.
func TestAppendHeader(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, 1 << 30} {
		for _, mask := range []*[4]byte{nil, &specMask} {
			for bits := range 4 {
				fin, compressed := bits&1 != 0, bits&2 != 0
				h := ws.Header{Fin: fin, Rsv: ws.Rsv(compressed, false, false), OpCode: ws.OpBinary, Length: int64(n)}
				if mask != nil {
					h.Masked, h.Mask = true, *mask
				}
				var want bytes.Buffer
				if err := ws.WriteHeader(&want, h); err != nil {
					t.Fatal(err)
				}
				got := AppendHeader([]byte{0xAA}, OpBinary, fin, compressed, n, mask)
				if got[0] != 0xAA || !bytes.Equal(got[1:], want.Bytes()) {
					t.Errorf("%+v: %x, want %x", h, got[1:], want.Bytes())
				}
			}
		}
	}
}

func TestAppendMessageKeepsItsInput(t *testing.T) {
	p := []byte("do not touch")
	AppendMessage(nil, true, p, &specMask)
	if string(p) != "do not touch" {
		t.Errorf("the message is now %q", p)
	}
}

func TestMask(t *testing.T) {
	for n := range 100 {
		for pos := range 9 {
			p := bytes.Repeat([]byte{0x5A}, n+2)
			want := bytes.Clone(p)
			for i := range n {
				want[i+1] ^= specMask[(pos+i)%4]
			}
			if Mask(p[1:n+1], specMask, pos); !bytes.Equal(p, want) {
				t.Fatalf("%d bytes from %d on: %x, want %x", n, pos, p, want)
			}
		}
	}
}

func TestAppendControlPanics(t *testing.T) {
	for _, tt := range []struct {
		op byte
		n  int
	}{{OpPing, MaxControl + 1}, {OpText, 0}, {0xb, 0}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("no panic with opcode 0x%x and %d bytes", tt.op, tt.n)
				}
			}()
			AppendControl(nil, tt.op, make([]byte, tt.n), nil)
		}()
	}
	if p := AppendControl(nil, OpPong, make([]byte, MaxControl), nil); len(p) != 2+MaxControl {
		t.Errorf("%d bytes", len(p))
	}
}

func TestAppendClose(t *testing.T) {
	long := strings.Repeat("é", 70) // 140 bytes; 61 of them fit in 123 bytes
	tests := []struct {
		code   int
		reason string
		want   string
	}{
		{1000, "", "\x88\x02\x03\xe8"},
		{1001, "bye", "\x88\x05\x03\xe9bye"},
		{4999, "", "\x88\x02\x13\x87"},
		{CodeNoStatus, "not sent", "\x88\x00"},
		{0, "", "\x88\x00"},
		{CodeAbnormal, "lost", "\x88\x06\x03\xf3lost"},
		{CodeTLSHandshake, "", "\x88\x02\x03\xf3"},
		{70000, "", "\x88\x02\x03\xf3"},
		{-1, "", "\x88\x02\x03\xf3"},
		{1000, "a\xffb", "\x88\x07\x03\xe8a\uFFFDb"},
		{1000, long, "\x88\x7c\x03\xe8" + long[:122]},
		{1000, long[:122] + "x", "\x88\x7d\x03\xe8" + long[:122] + "x"},
	}
	for _, tt := range tests {
		got := string(AppendClose(nil, tt.code, tt.reason, nil))
		if got != tt.want {
			t.Errorf("%d %.20q: %q, want %q", tt.code, tt.reason, got, tt.want)
		}
		// What we send we would accept.
		d := Decoder{Masked: true}
		d.Feed(AppendClose(nil, tt.code, tt.reason, &specMask))
		ev, err := d.Next()
		if err != nil || ev.Code != SendCode(tt.code) {
			t.Errorf("%d: read back as %+v, %v", tt.code, ev, err)
		}
	}
}

func TestCodes(t *testing.T) {
	valid := func(c int) bool {
		return c >= 1000 && c <= 1003 || c >= 1007 && c <= 1014 || c >= 3000 && c <= 4999
	}
	for c := -10; c < 70000; c++ {
		if got := ValidCode(c); got != valid(c) {
			t.Errorf("ValidCode(%d) is %v", c, got)
		}
		if s := SendCode(c); s != CodeNoStatus && !ValidCode(s) || valid(c) && s != c {
			t.Errorf("SendCode(%d) is %d", c, s)
		}
	}
}

func TestEventKind(t *testing.T) {
	var got []string
	for _, k := range []EventKind{Text, Binary, Close, Ping, Pong, 7} {
		got = append(got, k.String())
	}
	if s := fmt.Sprint(got); s != "[text binary close ping pong opcode 0x7]" {
		t.Error(s)
	}
}
