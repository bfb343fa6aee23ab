// Package core is a WebSocket connection over any stream, in the dialects that
// devices of 2010 to today speak: hixie-75, hixie-76 and RFC 6455.
//
// A client side comes from [Dial] or, over a stream that is open already, from [Client]; a server side from [Accept],
// which picks the dialect from what the peer asks for. Both give a [Conn] with Receive, Send and Close:
//
//	conn, err := core.Dial(ctx, "ws://device.local/", nil)
//	if err != nil {
//		return err
//	}
//	defer conn.Close(ctx)
//	err = conn.Send(ctx, core.Message{Data: []byte("hello")})
//	m, err := conn.Receive(ctx)
//
// The package knows streams, not how they are opened: a transport is whatever has the one method of [Dialer]. It prints
// nothing, reads no environment and starts no goroutine of its own; every wait ends with its context or with a bound
// named in the options.
package core
