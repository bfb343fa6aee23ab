//go:build !race

package hub

import (
	"fmt"
	"testing"

	"github.com/ws76/ws76/core"
)

// encoder is a subscriber that does what a connection does, but for the write.
type encoder struct{ bytes int }

func (e *encoder) Deliver(b *core.Shared) { e.bytes += len(b.Frames(core.Hixie76).Bytes) }

// TestPublishAllocs: what a message costs does not grow with who gets it.
func TestPublishAllocs(t *testing.T) {
	cost := func(subscribers int) float64 {
		h := newHub(t, nil)
		for range subscribers {
			join(t, h, "c", &encoder{}, JoinOptions{})
		}
		m := join(t, h, "c", nil, JoinOptions{Publish: true})
		msg := core.Message{Data: make([]byte, 125)}
		return testing.AllocsPerRun(100, func() { m.Publish(msg) })
	}
	one, many := cost(1), cost(1000)
	if one > 6 || many > one {
		t.Errorf("%v allocations for one subscriber, %v for a thousand", one, many)
	}
}

// BenchmarkPublish is a message of 125 bytes to 1000 subscribers, in one channel
// of as many.
func BenchmarkPublish(b *testing.B) {
	for _, channels := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("channels=%d", channels), func(b *testing.B) {
			h, err := New(nil)
			if err != nil {
				b.Fatal(err)
			}
			for i := range channels {
				if _, err := h.Join(fmt.Sprint(i), &encoder{}, JoinOptions{}); err != nil {
					b.Fatal(err)
				}
			}
			for range 1000 {
				h.Join("0", &encoder{}, JoinOptions{})
			}
			m, err := h.Join("0", nil, JoinOptions{Publish: true})
			if err != nil {
				b.Fatal(err)
			}
			msg := core.Message{Data: make([]byte, 125)}
			b.ReportAllocs()
			for b.Loop() {
				m.Publish(msg)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/delivery")
		})
	}
}
