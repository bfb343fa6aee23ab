package bridge_test

import (
	"context"
	"fmt"
	"log"
	"net"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/bridge"
	"github.com/ws76/ws76/core/serve"
)

// A device that speaks draft 76 talks to a server of RFC 6455, which is opened for it and
// asked for what the device asks for.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	modern, front := listener(), listener()
	server := serve.Server{Events: serve.Echo{}, Accept: core.AcceptOptions{Dialects: []core.Dialect{core.RFC6455}}}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, modern) }()

	url, err := bridge.ParseTemplate("ws+rfc6455://" + modern.Addr().String() + "{path}?{query}")
	if err != nil {
		log.Fatal(err)
	}
	b := bridge.Bridge{
		From: &bridge.WebSockets{Listener: front},
		To:   (&bridge.Dialer{URL: url}).Open,
		Options: bridge.Options{Closed: func(s *bridge.Session, err error) error {
			to, from, _ := s.Delivered()
			losses, _ := s.Losses()
			fmt.Println(to, "to the server,", from, "back,", len(losses), "losses; ended with", err)
			return err
		}},
	}
	bridged := make(chan error, 1)
	go func() { bridged <- b.Run(ctx) }()

	device, err := core.Dial(ctx, "ws+hixie76://"+front.Addr().String()+"/sensors?id=7", nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := device.Send(ctx, core.Message{Data: []byte("21.5")}); err != nil {
		log.Fatal(err)
	}
	m, err := device.Receive(ctx)
	fmt.Printf("%s %v\n", m.Data, err)
	device.Close(ctx)

	stop()
	fmt.Println(<-bridged, <-served)
	// Output:
	// 21.5 <nil>
	// 1 to the server, 1 back, 0 losses; ended with <nil>
	// <nil> <nil>
}

func listener() net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	return l
}
