package serve_test

import (
	"strings"
	"testing"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/serve"
)

// TestBytes: what counts is what passes behind the handshakes, closing frames too,
// whichever engine serves, and whether or not the sub-protocol makes a head longer.
func TestBytes(t *testing.T) {
	type bytes struct{ in, out uint64 }
	want := map[core.Dialect]bytes{
		core.Hixie75: {3 + 2, 3 + 2},
		core.Hixie76: {3 + 2 + 2, 3 + 2 + 2},
		core.RFC6455: {6 + 3 + 8, 2 + 3 + 4}, // the client masks
	}
	onEvents(t, func(t *testing.T, e engine) {
		closed := make(chan serve.PeerStats, 1)
		r := start(t, e, &serve.Server{Events: told{closed: func(p *serve.Peer, _ error) { closed <- p.Stats() }}})
		var sum bytes
		for _, d := range core.Dialects {
			o := &core.DialOptions{Dialect: d, Protocols: []string{strings.Repeat("p", 100)}}
			conn, err := core.Dial(testContext(t), "ws://"+r.addr+"/", o)
			if err != nil {
				t.Fatal(err)
			}
			echoes(t, conn, "abc")
			if err := conn.Close(testContext(t)); err != nil {
				t.Error(err)
			}
			st := <-closed
			if got := (bytes{st.BytesIn, st.BytesOut}); got != want[d] {
				t.Errorf("%s: %+v, want %+v", d, got, want[d])
			}
			sum.in, sum.out = sum.in+st.BytesIn, sum.out+st.BytesOut
		}
		eventually(t, "all are counted", func() bool { return r.Open() == 0 })
		if st := r.Stats(); st.BytesIn != sum.in || st.BytesOut != sum.out {
			t.Errorf("%d in, %d out; want %+v", st.BytesIn, st.BytesOut, sum)
		}
		r.end(t)
	})
}
