package relay_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/format"
)

// A hook drops, replaces, multiplies and answers by how it calls next.
func ExampleHook() {
	hook := relay.HookFunc(func(_ *relay.Session, next relay.Sink) (relay.Sink, error) {
		return func(d relay.Direction, m core.Message) error {
			switch {
			case bytes.HasPrefix(m.Data, []byte("#")):
				return nil // drop
			case string(m.Data) == "ping":
				return next(d.Reverse(), core.Message{Data: []byte("pong")})
			}
			return next(d, core.Message{Data: bytes.ToUpper(m.Data), Kind: m.Kind})
		}, nil
	})
	var toA strings.Builder
	a := format.NewEndpoint(strings.NewReader("# a comment\nhello\nping\nbye\n"), &toA, format.EndpointOptions{})
	b := format.NewEndpoint(strings.NewReader(""), os.Stdout, format.EndpointOptions{})
	if err := relay.Join(context.Background(), a, b, &relay.Options{
		Hooks:   []relay.Hook{hook},
		LingerB: relay.Forever,
	}); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("a got %q\n", toA.String())
	// Output:
	// HELLO
	// BYE
	// a got "pong\n"
}
