package serve_test

import (
	"context"
	"fmt"
	"net"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/serve"
)

// A server of every dialect that sends back what it gets.
func Example() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error)
	server := &serve.Server{Handler: func(ctx context.Context, conn *core.Conn) error {
		for {
			m, err := conn.Receive(ctx)
			if err != nil {
				return err
			}
			if err := conn.Send(ctx, m); err != nil {
				return err
			}
		}
	}}
	go func() { ended <- server.Serve(ctx, l) }()

	for _, d := range core.Dialects {
		conn, err := core.Dial(ctx, "ws://"+l.Addr().String()+"/", &core.DialOptions{Dialect: d})
		if err != nil {
			fmt.Println(err)
			return
		}
		conn.Send(ctx, core.Message{Data: []byte("is anybody there?")})
		m, err := conn.Receive(ctx)
		fmt.Println(conn.Dialect(), string(m.Data), err)
		conn.Close(ctx)
	}
	stop()
	fmt.Println(<-ended)
	// Output:
	// hixie-75 is anybody there? <nil>
	// hixie-76 is anybody there? <nil>
	// rfc6455 is anybody there? <nil>
	// <nil>
}
