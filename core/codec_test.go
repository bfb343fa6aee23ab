package core

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/ws76/ws76/core/rfc6455"
)

// TestCodec: messages come out as they went in, however the stream is cut, wherever
// the receiver stops and makes the rest its own, and with a codec that went on from another.
func TestCodec(t *testing.T) {
	stop := errors.New("stop")
	rapid.Check(t, func(t *rapid.T) {
		dialect := rapid.SampledFrom(Dialects[:]).Draw(t, "dialect")
		encoder := NewCodec(dialect, false, nil)
		var stream []byte
		var want []string
		for i := range rapid.IntRange(1, 20).Draw(t, "messages") {
			size := rapid.SampledFrom([]int{0, 1, 5, 125, 126, 300, 70_000}).Draw(t, "size")
			m := Message{Data: bytes.Repeat([]byte{byte('a' + i)}, size)}
			if dialect == RFC6455 {
				if rapid.Bool().Draw(t, "binary") {
					m.Kind = Binary
				}
				stream = rfc6455.AppendMessage(stream, m.Kind == Text, m.Data, &[4]byte{1, 2, 3, 0xFE})
			} else {
				stream, _ = encoder.Append(stream, m)
			}
			want = append(want, fmt.Sprint(m.Kind, string(m.Data)))
		}
		k := NewCodec(dialect, false, nil)
		var got []string
		offset := 0
		for offset < len(stream) {
			n := min(rapid.SampledFrom([]int{1, 7, 200, 5000, 100_000}).Draw(t, "piece"), len(stream)-offset)
			if k.Between() && rapid.Bool().Draw(t, "another") {
				k = NewCodec(dialect, false, nil)
				k.Reset(0, int64(offset))
			}
			piece := bytes.Clone(stream[offset : offset+n])
			offset += n
			k.Feed(piece)
			for {
				if frames, n := k.NextRun(); n > 0 {
					again := NewCodec(dialect, false, nil)
					again.Feed(frames)
					again.Messages(func(m Message) error { got = append(got, fmt.Sprint(m.Kind, string(m.Data))); return nil })
				}
				held := false
				_, ctl, err := k.Messages(func(m Message) error {
					got = append(got, fmt.Sprint(m.Kind, string(m.Data)))
					if held = rapid.Bool().Draw(t, "hold"); held {
						return stop
					}
					return nil
				})
				if held {
					k.Own()
					clear(piece)
					continue
				}
				if err != ErrIncomplete || ctl.Kind != 0 {
					t.Fatalf("%v, %v", ctl, err)
				}
				break
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || !k.Between() || k.EOF(true) == nil {
			t.Fatalf("got %d messages, want %d; between: %v", len(got), len(want), k.Between())
		}
	})
}

// TestSkippedAllocs: a peer that floods with frames that are no messages makes no garbage.
func TestSkippedAllocs(t *testing.T) {
	k := NewCodec(Hixie76, false, nil)
	flood := bytes.Repeat([]byte("\x80\x03abc"), 1000)
	k.Reset(0, 1<<20) // offsets that are no small numbers
	allocs := testing.AllocsPerRun(100, func() {
		k.Feed(flood)
		if n, _, err := k.Messages(func(Message) error { return nil }); n != 0 || err != ErrIncomplete {
			t.Fatalf("%d messages, %v", n, err)
		}
	})
	if skipped, _ := k.Skipped(); allocs > 10 || skipped != 101_000 {
		t.Errorf("%v allocations for 1000 of them, %d skipped", allocs, skipped)
	}
}
