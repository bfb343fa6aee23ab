package all_test

import (
	"context"
	"fmt"
	"net"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/all"
)

// A device is reached over any transport that a URL names.
func Example() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	ctx := context.Background()
	go func() {
		if stream, err := l.Accept(); err == nil {
			if conn, err := core.Accept(ctx, stream, nil); err == nil {
				conn.Close(ctx)
			}
		}
	}()

	t, err := all.Transports().Open("tcp:", transports.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	conn, err := core.Dial(ctx, "ws://"+l.Addr().String()+"/", &core.DialOptions{Dialer: t})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = conn.Receive(ctx)
	fmt.Println(conn.Dialect(), err)
	// Output: hixie-76 closed
}
