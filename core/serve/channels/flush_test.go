package channels_test

import (
	"bytes"
	"testing"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hub"
	"github.com/ws76/ws76/core/serve"
	"github.com/ws76/ws76/core/serve/channels"
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
	events := &channels.Events{Hub: h}
	path, _, err := channels.ParsePath("/ws/lab/wo")
	if err != nil {
		t.Fatal(err)
	}
	p := new(serve.Peer)
	p.SetData(&channels.Seat{Path: path})
	events.Open(p)
	var got sizes
	m, err := h.Join("lab", &got, hub.JoinOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const size, many = 300 << 10, 100
	data := bytes.Repeat([]byte("x"), size)
	for range many {
		events.Message(p, core.Message{Data: data})
	}
	events.Flush(p)
	all := 0
	for _, n := range got {
		if all += n; n > 2<<20 {
			t.Errorf("%d bytes at once", n)
		}
	}
	if all != many*size {
		t.Errorf("%d bytes, want %d", all, many*size)
	}
	events.Closed(p, nil)
	m.Leave()
}
