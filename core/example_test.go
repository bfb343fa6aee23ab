package core_test

import (
	"context"
	"fmt"
	"net"

	"github.com/ws76/ws76/core"
)

// Both sides of draft 76, over a stream of any kind.
func Example() {
	ctx := context.Background()
	near, far := net.Pipe()
	go func() {
		conn, err := core.Accept(ctx, far, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		if m, err := conn.Receive(ctx); err == nil {
			conn.Send(ctx, core.Message{Data: append([]byte("hello, "), m.Data...)})
		}
		conn.Close(ctx)
	}()

	conn, err := core.Client(ctx, near, "ws://device.local/", &core.DialOptions{Dialect: core.Hixie76})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close(ctx)
	conn.Send(ctx, core.Message{Data: []byte("device")})
	m, err := conn.Receive(ctx)
	fmt.Println(conn.Dialect(), string(m.Data), err)
	// Output: hixie-76 hello, device <nil>
}
