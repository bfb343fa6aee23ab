package flags_test

import (
	"testing"

	"github.com/ws76/ws76/cmd/ws76/internal/flags"
)

func TestParseBytes(t *testing.T) {
	for _, test := range []struct {
		in   string
		want string // "" for an error
	}{
		{"12345678", "12345678"},
		{"\x00\xff345678", "\x00\xff345678"},
		{"0001020304050607", "\x00\x01\x02\x03\x04\x05\x06\x07"},
		{"hex:000102030405060F", "\x00\x01\x02\x03\x04\x05\x06\x0f"},
		{"base64:AAECAwQFBgc=", "\x00\x01\x02\x03\x04\x05\x06\x07"},
		{"", ""}, {"1234567", ""}, {"123456789", ""}, {"000102030405060g", ""},
		{"hex:", ""}, {"hex:abcd", ""}, {"base64:", ""}, {"base64:AAECAwQFBgcI", ""}, {"base64:?", ""},
	} {
		got, err := flags.ParseBytes(test.in, 8)
		if string(got) != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%q: got %q, %v; want %q", test.in, got, err, test.want)
		}
	}
}
