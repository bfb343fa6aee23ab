package hixie

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// badKeys are keys that no client of the draft sends.
var badKeys = []struct {
	name, key string
	err       error
	text      string
}{
	{"empty", "", ErrNoDigits, `key "" has no digits`},
	{"no digits", "a b c", ErrNoDigits, `key "a b c" has no digits`},
	{"only spaces", "   ", ErrNoDigits, `key "   " has no digits`},
	{"no space", "3e6b26341780", ErrNoSpaces, `key "3e6b26341780" has no spaces to divide by`},
	{"a key of RFC 6455", "dGhlIHNhbXBsZSBub25jZQ==", ErrNoSpaces, ""},
	{"tab for a space", "12\t34", ErrNoSpaces, `key "12\t34" has no spaces to divide by`},
	{"no-break space", "12\u00a034", ErrNoSpaces, ""},
	{"remainder", "1 2 3", ErrRemainder, `key "1 2 3": its digits 123 are no multiple of its 2 spaces`},
	{"a space too many", "12998 5 Y3 1  .P0 0", ErrRemainder, `key "12998 5 Y3 1  .P0 0": its digits 1299853100 are no multiple of its 6 spaces`},
	{"one above 32 bits", "4 294967296", ErrKeyTooLarge, `key "4 294967296": its digits 4294967296 make a number above 4294967295`},
	{"above 32 bits, its part is not", "8 589934 592", ErrKeyTooLarge, ""},
	{"far above 32 bits", "9 " + strings.Repeat("9", 60), ErrKeyTooLarge, "make a number above 4294967295"},
	{"wraps to a small number at 64 bits", "18446744073709551617 ", ErrKeyTooLarge, ""},
	{"digits of another script", "١٢ ٣", ErrNoDigits, ""},
}

func TestParseKeyRefuses(t *testing.T) {
	for _, test := range badKeys {
		t.Run(test.name, func(t *testing.T) {
			key, err := ParseKey(test.key)
			if key != (Key{}) || !errors.Is(err, test.err) {
				t.Fatalf("got %v, %v; want %v", key, err, test.err)
			}
			var bad *KeyError
			if !errors.As(err, &bad) || bad.Key != test.key || bad.Spaces != strings.Count(test.key, " ") {
				t.Errorf("got %#v", err)
			}
			if !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %q, want %q", err, test.text)
			}
			_, other := ParseKey([]byte(test.key))
			if other.Error() != err.Error() {
				t.Errorf("as bytes: %v; as string: %v", other, err)
			}
		})
	}
}

func TestParseKey(t *testing.T) {
	for _, test := range []struct {
		key  string
		want Key
	}{
		{"0 0", Key{0, 1}},
		{"4 294967295", Key{4294967295, 1}},
		{" 12", Key{12, 1}}, // the draft's server does not ask where the spaces are
		{"12 ", Key{12, 1}},
		{"0000000000000000000000000000000000 7", Key{7, 1}},
		{"\x00\xff9 \t6 0", Key{960, 2}},
	} {
		got, err := ParseKey(test.key)
		if err != nil || got != test.want {
			t.Errorf("%q: got %v, %v; want %v", test.key, got, err, test.want)
		}
	}
	if part := (Key{}).Part(); part != 0 {
		t.Errorf("part of the zero Key: %d", part)
	}
}

func TestParseKeyLenient(t *testing.T) {
	for _, test := range []struct {
		key  string
		want uint32
		err  error
	}{
		{"1 2 3", 61, nil},                            // 123 / 2
		{"12998 5 Y3 1  .P0 0", 216642183, nil},       // 1299853100 / 6
		{"8 589934 590", 4294967295, nil},             // 8589934590 / 2
		{"8 589934 591", 4294967295, nil},             // and a remainder
		{"8 589934 592", 0, ErrKeyTooLarge},           // 2^33 / 2
		{"9 99999999999999999999", 0, ErrKeyTooLarge}, // above 64 bits
		{"1234", 0, ErrNoSpaces},
		{"a b", 0, ErrNoDigits},
	} {
		got, err := ParseKeyLenient(test.key)
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%q: got %d, %v; want %d, %v", test.key, got, err, test.want, test.err)
		}
	}
}

// Whatever a client makes of a number and spaces by the draft, the server reads
// again, and the lenient reading agrees with the strict one.
func TestParseKeyRapid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spaces := rapid.Uint32Range(1, 12).Draw(t, "spaces")
		number := rapid.Uint32Range(0, math.MaxUint32/spaces).Draw(t, "number")
		noise := rapid.SliceOfN(rapid.ByteRange('!', '/'), 1, 12).Draw(t, "noise")
		items := []byte(fmt.Sprint(number*spaces) + strings.Repeat(" ", int(spaces)))
		for _, c := range noise {
			at := rapid.IntRange(0, len(items)).Draw(t, "at")
			items = append(items[:at], append([]byte{c}, items[at:]...)...)
		}
		key, err := ParseKey(items)
		if err != nil || key.Spaces != spaces || key.Part() != number {
			t.Fatalf("%q: got %v, %v; want %d", items, key, err, number)
		}
		if part, err := ParseKeyLenient(items); err != nil || part != number {
			t.Fatalf("%q lenient: got %v, %v; want %d", items, part, err, number)
		}
	})
}

func TestParseKeyAllocates(t *testing.T) {
	text := "4 @1  46546xW%0l 1 5"
	key := []byte(text)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := ParseKey(key); err != nil {
			t.Fatal(err)
		}
		if _, err := ParseKey(text); err != nil {
			t.Fatal(err)
		}
		if _, err := ParseKeyLenient(key); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestKeyErrorIsShort(t *testing.T) {
	_, err := ParseKey(strings.Repeat("1", 1<<14) + " ")
	if len(err.Error()) > 300 {
		t.Errorf("a long key makes a text of %d bytes", len(err.Error()))
	}
}

func FuzzKey(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add([]byte(v.Key1))
		f.Add([]byte(v.Key2))
	}
	for _, bad := range badKeys {
		f.Add([]byte(bad.key))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		key, err := ParseKey(b)
		part, lenient := ParseKeyLenient(b)
		if err == nil {
			if lenient != nil || part != key.Part() || uint64(part)*uint64(key.Spaces) != uint64(key.Number) {
				t.Fatalf("%q: %v, lenient %d, %v", b, key, part, lenient)
			}
			return
		}
		var bad *KeyError
		if !errors.As(err, &bad) || bad.Key != string(b) || key != (Key{}) {
			t.Fatalf("%q: %v, %v", b, key, err)
		}
		if lenient != nil && part != 0 {
			t.Fatalf("%q: a part %d with %v", b, part, lenient)
		}
	})
}
