package serve_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/serve"
)

// Who sends much at once comes behind the others, and its own messages stay in order.
func TestBusyComeLast(t *testing.T) {
	entered, release := make(chan bool), make(chan bool)
	got := make(chan string, 100)
	r := start(t, loops, &serve.Server{Events: told{message: func(_ *serve.Peer, m core.Message) {
		switch text := string(m.Data); {
		case text == "wait":
			entered <- true
			<-release
		case len(text) > 100:
			got <- text[:2]
		default:
			got <- text
		}
	}}})
	much := func(name string) string { return name + strings.Repeat(".", 32<<10) }
	send := func(conn *core.Conn, text string) {
		if err := conn.Send(testContext(t), core.Message{Data: []byte(text), Kind: core.Text}); err != nil {
			t.Error(err)
		}
	}
	want := func(texts ...string) {
		t.Helper()
		for _, text := range texts {
			if is := <-got; is != text {
				t.Fatalf("%q came, want %q", is, text)
			}
		}
	}
	blocker, busy, quiet := r.dial(t, core.Hixie76), r.dial(t, core.Hixie76), r.dial(t, core.Hixie76)
	last := false
	for tries := 0; !last && tries < 20; tries++ { // on a slow machine busy is not always seen to be
		send(busy, much("b0"))
		want("b0")
		send(blocker, "wait")
		<-entered
		send(busy, much("b1"))
		send(busy, much("b2"))
		send(quiet, "q1")
		release <- true
		came := []string{<-got, <-got, <-got}
		last = came[0] == "q1"
		if slices.Index(came, "b1") > slices.Index(came, "b2") {
			t.Fatalf("%q came", came)
		}
	}
	if !last {
		t.Error("who sends much never came behind the other")
	}
	send(busy, "few")
	want("few")
	for _, conn := range []*core.Conn{blocker, busy, quiet} {
		conn.Close(testContext(t))
	}
	r.stopAndWait(t)
}
