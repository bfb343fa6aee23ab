package rfc6455_test

import (
	"fmt"

	"github.com/ws76/ws76/core/rfc6455"
)

// A server reads what a client has sent, in whatever pieces it comes.
func ExampleDecoder() {
	mask := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	stream := rfc6455.AppendMessage(nil, true, []byte("Hello"), &mask)
	stream = rfc6455.AppendClose(stream, rfc6455.CodeGoingAway, "bye", &mask)

	d := rfc6455.Decoder{Masked: true}
	for _, piece := range [][]byte{stream[:3], stream[3:]} {
		d.Feed(piece)
		for {
			ev, err := d.Next()
			if err != nil {
				fmt.Println(err)
				break
			}
			fmt.Printf("%v %q %d %q at %d\n", ev.Kind, ev.Data, ev.Code, ev.Reason, ev.Offset)
			if ev.Kind == rfc6455.Close {
				return
			}
		}
	}
	// Output:
	// incomplete: more bytes are needed
	// text "Hello" 0 "" at 0
	// close "" 1001 "bye" at 11
}

func ExampleNegotiate() {
	answer, _, ok := rfc6455.Negotiate("permessage-deflate; client_max_window_bits")
	fmt.Println(answer, ok)
	// Output: permessage-deflate;server_no_context_takeover;client_no_context_takeover true
}
