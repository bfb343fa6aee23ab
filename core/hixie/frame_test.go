package hixie

import (
	"bytes"
	"fmt"
	"testing"
)

func TestAppendFrame(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 300)
	for _, c := range []struct {
		got  []byte
		want string
	}{
		{AppendText(nil, []byte("hello")), "00 'hello' FF"},
		{AppendText([]byte("before"), nil), "'before' 00 FF"},
		{AppendFrame(nil, 0x7F, []byte("a")), "7F 'a' FF"},
		{AppendFrame(nil, 0x80, []byte("a\xFF")), "80 02 'a' FF"},
		{AppendFrame(nil, 0x80, nil), "80 00"},
		{AppendFrame(nil, 0x81, long[:127]), "81 7F '" + string(long[:127]) + "'"},
		{AppendFrame(nil, 0x81, long[:128]), "81 81 00 '" + string(long[:128]) + "'"},
		{AppendFrame(nil, 0x81, long), "81 82 2C '" + string(long) + "'"},
		{AppendClosing([]byte("x")), "'x' FF 00"},
	} {
		if want := fromHex(t, c.want); !bytes.Equal(c.got, want) {
			t.Errorf("got %.40q, want %.40q", c.got, want)
		}
	}
}

// Lengths around each number of digits are read as they were written.
func TestAppendFrameLengths(t *testing.T) {
	payload := make([]byte, 1<<21+1)
	for _, n := range []int{0, 1, 127, 128, 129, 1<<14 - 1, 1 << 14, 1<<21 - 1, 1 << 21, 1<<21 + 1} {
		d := Decoder{KeepAll: true}
		d.Feed(AppendFrame(nil, 0xA0, payload[:n]))
		f, err := d.Next()
		if err != nil || f.Type != 0xA0 || f.Length != int64(n) || len(f.Payload) != n {
			t.Errorf("%d bytes: got %d of type %02X, %v", n, f.Length, f.Type, err)
		}
		if err := d.End(); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func ExampleDecoder() {
	var d Decoder
	for _, piece := range []string{"\x00hel", "lo\xFF\x00wor", "ld\xFF\xFF\x00"} {
		d.Feed([]byte(piece))
		for {
			f, err := d.Next()
			if err != nil { // ErrIncomplete: on to the next piece
				break
			}
			if f.IsClosing() {
				fmt.Println("closing")
				continue
			}
			fmt.Printf("%s\n", f.Payload)
		}
	}
	fmt.Println("cut off:", d.End())
	// Output:
	// hello
	// world
	// closing
	// cut off: <nil>
}

func ExampleAppendFrames() {
	fmt.Printf("%q\n", AppendFrames(nil, []byte("one\ntwo\n"), '\n'))
	// Output: "\x00one\xff\x00two\xff"
}
