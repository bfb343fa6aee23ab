package main

import (
	"context"
	"net"
	"slices"
	"testing"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
)

// cookieServer accepts WebSockets, sets two cookies and notes the one that it is sent.
func cookieServer(t *testing.T) (addr string, got chan []string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got = make(chan []string, 1)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			stream, err := l.Accept()
			if err != nil {
				return
			}
			conn, err := core.Accept(context.Background(), stream, &core.AcceptOptions{Header: hixie.Fields{
				{Name: "Set-Cookie", Value: "id=7; Path=/"}, {Name: "set-cookie2", Value: `old="1"; Version="1"`}, {Name: "Server", Value: "old"}}})
			if err != nil {
				t.Error(err)
				return
			}
			got <- conn.Request().Fields.Values("Cookie")
			conn.Receive(context.Background())
			conn.Close(context.Background())
		}
	}()
	t.Cleanup(func() { l.Close(); <-over })
	return l.Addr().String(), got
}

// With --pass-header Cookie cookies pass both ways, between all dialects, and else not.
func TestBridgeCookies(t *testing.T) {
	addr, got := cookieServer(t)
	r := newRecipe(t)
	for _, to := range []string{"ws+hixie75", "ws+hixie76", "ws+rfc6455"} {
		for flags, passed := range map[string]bool{"": false, " --pass-header X-Id": false, " --pass-header cookie": true} {
			_, stderr := r.start("exec ws76 bridge ws://127.0.0.1:0 " + to + "://" + addr + flags)
			bridge := stderr.find(t, bridging)
			for _, from := range core.Dialects {
				var set []string
				conn, err := core.Dial(t.Context(), "ws://"+bridge+"/", &core.DialOptions{
					Dialect: from, Strict: true, Header: hixie.Fields{{Name: "Cookie", Value: "id=6"}, {Name: "X-Id", Value: "5"}},
					Opened: func(r *hixie.Response) {
						set = append(r.Fields.Values("Set-Cookie"), r.Fields.Values("Set-Cookie2")...)
						if r.Fields.Count("Server") > 0 {
							t.Error("the server's name came through")
						}
					},
				})
				if err != nil {
					t.Fatal(err)
				}
				var wantSet, wantGot []string
				if passed {
					wantSet, wantGot = []string{"id=7; Path=/", `old="1"; Version="1"`}, []string{"id=6"}
				}
				if sent := <-got; !slices.Equal(set, wantSet) || !slices.Equal(sent, wantGot) {
					t.Errorf("%s to %s%s: the client got %q, the server %q", from, to, flags, set, sent)
				}
				if err := conn.Close(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
	}
}
