package wifly

import (
	"bytes"
	"testing"
)

const testMark = "~abcdefghij"

func newTestFilter() *filter { return &filter{mark: []byte(testMark)} }

// fed is what a filter makes of stream, cut as given.
func fed(stream []byte, cuts ...int) (payload []byte, f *filter) {
	f = newTestFilter()
	last := 0
	for _, cut := range append(cuts, len(stream)) {
		payload = f.feed(payload, stream[last:cut])
		last = cut
	}
	return payload, f
}

var filterTests = []struct {
	name    string
	stream  string
	payload string // after quiet
	end     error
	rest    string
}{
	{"nothing of the module", "\x00hello\xff", "\x00hello\xff", nil, ""},
	{"closed", "\x00hello\xff" + testMark + testMark, "\x00hello\xff", errClosed, testMark},
	{"closed within a frame", "\x00hel" + testMark + testMark, "\x00hel", errClosed, testMark},
	{"text behind it", "x" + testMark + testMark + "\r\nDisconn", "x", errClosed, testMark + "\r\nDisconn"},
	{"first half damaged", "x~abcefghij" + testMark, "x~abcefghij", errClosed, ""},
	{"second half damaged", "x" + testMark + "~abcefghij", "x", errClosed, "~abcefghij"},
	{"a start before it", "x~~abc" + testMark, "x~~abc", errClosed, ""},
	{"a start at the end", "x~abc", "x~abc", nil, ""},
	{"default strings are payload", "*OPEN**CLOS**HELLO*", "*OPEN**CLOS**HELLO*", nil, ""},
	{"a boot", "\x00he\r\nwifly-GSX Ver: 4.41\r\nMAC Addr=00:06\r\n*READY*\r\n", "\x00he\r\nwifly-GSX Ver: 4.41\r\nMAC Addr=00:06\r\n*READY*\r\n", ErrRebooted, ""},
	{"a boot whose start is lost", "Addr=00:06\r\nMAC Addr=1\r\n*READY*\r\n", "Addr=00:06\r\nMAC Addr=1\r\n*READY*\r\n", ErrRebooted, ""},
	{"the same in a message", "\x00MAC Addr=00:06\r\n*READY*\r\n\xff", "\x00MAC Addr=00:06\r\n*READY*\r\n\xff", nil, ""},
	{"one word of it", "\x00*READY*", "\x00*READY*", nil, ""},
}

// result is what a filter has brought in the end, the line being quiet.
func result(payload []byte, f *filter) []byte {
	for range 3 {
		if f.waiting() {
			payload = f.quiet(payload)
		}
	}
	return payload
}

func TestFilter(t *testing.T) {
	for _, test := range filterTests {
		check := func(cuts ...int) {
			t.Helper()
			payload, f := fed([]byte(test.stream), cuts...)
			if payload = result(payload, f); string(payload) != test.payload || f.end != test.end || string(f.rest) != test.rest {
				t.Errorf("%s, cut at %v: %q, %v, %q; want %q, %v, %q", test.name, cuts, payload, f.end, f.rest, test.payload, test.end, test.rest)
			}
		}
		var each []int
		for i := range len(test.stream) {
			check(i)
			each = append(each, i)
		}
		check(each...)
	}
}

// What may begin a mark stays back only for as long as it may.
func TestFilterHoldsBack(t *testing.T) {
	f := newTestFilter()
	if got := f.feed(nil, []byte("ab~abc")); string(got) != "ab" || !f.waiting() {
		t.Errorf("%q, waiting %v", got, f.waiting())
	}
	if got := f.feed(nil, []byte("x")); string(got) != "~abcx" || f.waiting() {
		t.Errorf("after a mismatch: %q, waiting %v", got, f.waiting())
	}
	f.feed(nil, []byte("~"))
	if got := f.quiet(nil); string(got) != "~" || f.waiting() {
		t.Errorf("after silence: %q, waiting %v", got, f.waiting())
	}
}

func TestFilterMemory(t *testing.T) {
	f := newTestFilter()
	var dst []byte
	block := bytes.Repeat([]byte("MAC Addr=*READY*"), 256)
	for range 1000 {
		dst = f.feed(dst[:0], block)
	}
	f.feed(nil, []byte(testMark))
	for range 1000 {
		f.feed(nil, block)
	}
	if cap(f.recent) > 32<<10 || cap(f.rest) > 32<<10 {
		t.Errorf("%d and %d bytes are kept", cap(f.recent), cap(f.rest))
	}
}

// Whole, in two pieces or byte by byte, the result is the same, and nothing of a
// stream without the mark is lost.
func FuzzFilter(f *testing.F) {
	for i, test := range filterTests {
		f.Add([]byte(test.stream), uint16(i))
	}
	f.Fuzz(func(t *testing.T, stream []byte, cut uint16) {
		whole, a := fed(stream)
		whole = result(whole, a)
		at := int(cut) % (len(stream) + 1)
		split, b := fed(stream, at)
		split = result(split, b)
		var each []int
		for i := range stream {
			each = append(each, i)
		}
		single, c := fed(stream, each...)
		single = result(single, c)
		if !bytes.Equal(whole, split) || !bytes.Equal(whole, single) || a.end != b.end || a.end != c.end {
			t.Fatalf("whole %q, %v\ncut at %d %q, %v\nsingle %q, %v", whole, a.end, at, split, b.end, single, c.end)
		}
		if !bytes.Contains(stream, []byte(testMark)) && !bytes.Equal(whole, stream) {
			t.Fatalf("%q became %q", stream, whole)
		}
		if before, _, ok := bytes.Cut(stream, []byte(testMark)); ok && (a.end != errClosed || !bytes.Equal(whole, before)) {
			t.Fatalf("%q became %q, %v", stream, whole, a.end)
		}
	})
}
