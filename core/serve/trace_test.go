package serve_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/serve"
)

// A connection that is to be traced is, however it is sent to, and no other is.
func TestServiceTrace(t *testing.T) {
	onEvents(t, func(t *testing.T, e engine) {
		var mu sync.Mutex
		var seen []string
		trace := &core.Trace{Frame: func(sent bool, typ byte, payload []byte) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fmt.Sprintf("%v %d %s", sent, typ, payload))
		}}
		r := start(t, e, &serve.Server{Route: func(o *serve.Opening) (serve.Service, *core.Refusal) {
			s := serve.Service{Events: told{message: func(p *serve.Peer, m core.Message) {
				p.Reply(m)
				p.Send(text("sent"))
				var shared core.Shared
				shared.Add(text("shared"))
				p.SendShared(&shared)
			}}}
			if o.Request.Resource == "/traced" {
				s.Trace = trace
			}
			return s, nil
		}})
		for _, path := range []string{"/", "/traced"} {
			conn, err := core.Dial(testContext(t), "ws://"+r.addr+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.Send(testContext(t), text("hello")); err != nil {
				t.Fatal(err)
			}
			var got []string
			for range 3 {
				m, err := conn.Receive(testContext(t))
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, string(m.Data))
			}
			slices.Sort(got)
			if want := []string{"hello", "sent", "shared"}; !slices.Equal(got, want) {
				t.Errorf("%s: got %q, want %q", path, got, want)
			}
			if err := conn.Close(testContext(t)); err != nil {
				t.Error(err)
			}
		}
		r.end(t)
		slices.Sort(seen)
		want := []string{"false 0 hello", "false 255 ", "true 0 hello", "true 0 sent", "true 0 shared", "true 255 "}
		if !slices.Equal(seen, want) {
			t.Errorf("saw %q, want %q", seen, want)
		}
	})
}
