package channels

import (
	"bytes"
	"testing"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hub"
)

// sizes are what a subscriber is given at once.
type sizes []int

func (s *sizes) Deliver(b *core.Shared) { *s = append(*s, b.Size()) }

// However much the messages of a read are, not all of it waits for its end.
func TestPublishedInPieces(t *testing.T) {
	h, err := hub.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	seat := new(Seat)
	if seat.member, err = h.Join("lab", nil, hub.JoinOptions{Publish: true}); err != nil {
		t.Fatal(err)
	}
	var got sizes
	m, err := h.Join("lab", &got, hub.JoinOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const size, many = 300 << 10, 100
	data := bytes.Repeat([]byte("x"), size)
	for range many {
		seat.publish(core.Message{Data: data})
	}
	seat.member.Flush()
	all := 0
	for _, n := range got {
		if all += n; n > 2<<20 {
			t.Errorf("%d bytes at once", n)
		}
	}
	if all != many*size {
		t.Errorf("%d bytes, want %d", all, many*size)
	}
	seat.member.Leave()
	m.Leave()
}
