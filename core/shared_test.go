package core

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/rfc6455"
)

func TestShared(t *testing.T) {
	text := func(s string) Message { return Message{Data: []byte(s)} }
	messages := []Message{text("one"), {Data: []byte{0, 0xFF, 0xE9}, Kind: Binary}, text(""), text(strings.Repeat("ä", 40000))}
	for _, tc := range []struct {
		binary func(dst, data []byte) []byte
		want   string // of the binary message in the drafts
	}{{nil, ""}, {hex.AppendEncode, "00ffe9"}} {
		s := &Shared{BinaryAs: tc.binary}
		for _, m := range messages {
			if err := s.Add(m); err != nil {
				t.Fatal(err)
			}
		}
		for i, m := range messages {
			if got := s.Message(i); string(got.Data) != string(m.Data) || got.Kind != m.Kind {
				t.Errorf("message %d is %v %.20q", i, got.Kind, got.Data)
			}
		}
		drafts := s.Frames(Hixie75)
		if s.Frames(Hixie76) != drafts {
			t.Error("encoded for each draft")
		}
		var d hixie.Decoder
		var got []string
		for frame := range frames(drafts) {
			d.Feed(frame)
			f, err := d.Next()
			if err != nil || !f.IsText() {
				t.Fatalf("frame %.20q: %v", frame, err)
			}
			got = append(got, string(f.Payload))
		}
		want := []string{"one", tc.want, "", string(messages[3].Data)}
		skipped := 0
		if tc.binary == nil {
			want, skipped = slices.Delete(want, 1, 2), 1
		}
		if !slices.Equal(got, want) || drafts.Skipped != skipped {
			t.Errorf("got %.60q, %d skipped", got, drafts.Skipped)
		}

		modern := s.Frames(RFC6455)
		i := 0
		var d6455 rfc6455.Decoder // of a client: a server masks nothing
		for frame := range frames(modern) {
			d6455.Feed(frame)
			e, err := d6455.Next()
			m := messages[i]
			if err != nil || string(e.Data) != string(m.Data) || (e.Kind == rfc6455.Text) != (m.Kind == Text) {
				t.Fatalf("frame %d: %v %.20q: %v", i, e.Kind, e.Data, err)
			}
			i++
		}
		if i != len(messages) || modern.Skipped != 0 {
			t.Errorf("%d frames of RFC 6455, %d skipped", i, modern.Skipped)
		}
	}
}

func frames(f *Frames) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		start := uint32(0)
		for _, end := range f.Ends {
			if !yield(f.Bytes[start:end]) {
				return
			}
			start = end
		}
		if int(start) != len(f.Bytes) {
			panic("bytes behind the last frame")
		}
	}
}

func TestSharedRefuses(t *testing.T) {
	var s Shared
	var invalid *InvalidUTF8Error
	if err := s.Add(Message{Data: []byte("ab\xff")}); !errors.As(err, &invalid) || invalid.Offset != 2 {
		t.Errorf("invalid UTF-8: %v", err)
	}
	if s.Len() != 0 || len(s.Frames(RFC6455).Bytes) != 0 {
		t.Error("a refused message is in it")
	}
}

// TestSharedConcurrently: many ask at once for what is encoded on the first call.
func TestSharedConcurrently(t *testing.T) {
	for range 100 {
		var s Shared
		s.Add(Message{Data: []byte("x")})
		s.Add(Message{Data: []byte("y"), Kind: Binary})
		var wg sync.WaitGroup
		for range 4 {
			for _, d := range Dialects {
				wg.Go(func() {
					if f := s.Frames(d); len(f.Ends)+f.Skipped != 2 {
						t.Errorf("%s: %+v", d, f)
					}
				})
			}
		}
		wg.Wait()
	}
}

// TestSharedAllocs: a message that goes to a thousand connections is encoded once.
func TestSharedAllocs(t *testing.T) {
	m := Message{Data: make([]byte, 125)}
	allocs := testing.AllocsPerRun(100, func() {
		s := new(Shared)
		s.Add(m)
		for range 1000 {
			s.Frames(Hixie76)
		}
	})
	if allocs > 5 { // the Shared, its bytes and their ends, the frames and their ends
		t.Errorf("%v allocations", allocs)
	}
}
