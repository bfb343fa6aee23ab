package bridge_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/serve"
)

// What was opened for a client is given up when the client goes before it is answered.
func TestAbandoned(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	abandoned := make(chan error, 1)
	s := &serve.Server{Loops: -1, Route: func(*serve.Opening) (serve.Service, *core.Refusal) {
		return serve.Service{
			Handler:   func(context.Context, *core.Conn) error { t.Error("it has opened"); return nil },
			Abandoned: func(err error) { abandoned <- err },
		}, nil
	}}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	// The 8 bytes behind the head never come.
	io.WriteString(c, "GET / HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: x\r\nOrigin: http://x\r\n"+
		"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n")
	c.Close()
	select {
	case err := <-abandoned:
		if err == nil {
			t.Error("without a reason")
		}
	case <-time.After(patience):
		t.Error("it was not")
	}
	stop()
	<-served
}
