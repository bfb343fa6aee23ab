package hixie_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/ws76/ws76/core/hixie"
)

// A server answers a request that came with its 8 bytes of key3.
func ExampleReadOpening() {
	received := []byte("GET /demo HTTP/1.1\r\n" +
		"Host: example.com\r\n" +
		"Connection: Upgrade\r\n" +
		"Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n" +
		"Upgrade: WebSocket\r\n" +
		"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n" +
		"Origin: http://example.com\r\n" +
		"\r\n" +
		"^n:ds[4U")

	req, n, err := hixie.ParseRequest(received)
	if err != nil {
		fmt.Println(err) // or read more, if it is ErrIncomplete
		return
	}
	o, tolerated, err := hixie.ReadOpening(&req, hixie.ReadOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	o.Challenge.Key3 = [8]byte(received[n:])
	answer, err := o.Challenge.Answer()
	if err != nil {
		fmt.Println(err)
		return
	}
	resp := o.Response("", "")
	reply := append(hixie.AppendResponse(nil, &resp), answer[:]...)
	fmt.Println(strings.ReplaceAll(string(reply), "\r\n", "\n"))
	fmt.Println(o.Draft, len(tolerated))

	// Output:
	// HTTP/1.1 101 WebSocket Protocol Handshake
	// Upgrade: WebSocket
	// Connection: Upgrade
	// Sec-WebSocket-Origin: http://example.com
	// Sec-WebSocket-Location: ws://example.com/demo
	//
	// 8jKS'y:G*Co,Wxa-
	// hixie-76 0
}

// A client makes its request and checks what the server says.
func ExampleOpening_Check() {
	g := hixie.NewGenerator(rand.NewChaCha8([32]byte{})) // crypto/rand outside of examples
	challenge, err := g.Next()
	if err != nil {
		fmt.Println(err)
		return
	}
	o := hixie.Opening{
		Draft: hixie.Draft76, Host: "example.com", Resource: "/demo",
		Origin: "http://example.com", HasOrigin: true, Challenge: challenge,
	}
	req := o.Request()
	if err := g.Shuffle(req.Fields); err != nil {
		fmt.Println(err)
		return
	}
	sent := append(hixie.AppendRequest(nil, &req), challenge.Key3[:]...)
	fmt.Println(len(sent) > 0, req.Fields.Count("Sec-WebSocket-Key1"))

	resp, _, err := hixie.ParseResponse([]byte("HTTP/1.1 101 Switching Protocols\r\n" +
		"Upgrade: websocket\r\n" +
		"Connection: Upgrade\r\n" +
		"Sec-WebSocket-Origin: http://example.com\r\n" +
		"Sec-WebSocket-Location: ws://example.com/demo\r\n" +
		"\r\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, tolerated, err := o.Check(&resp, false)
	fmt.Println(tolerated, err)
	_, _, err = o.Check(&resp, true)
	fmt.Println(err)
	// Output:
	// true 1
	// [Upgrade: got "websocket", the draft wants WebSocket: several servers write it in another case] <nil>
	// Upgrade is "websocket", want WebSocket
}

func ExampleParseKey() {
	key, err := hixie.ParseKey("18x 6]8vM;54 *(5:  {   U1]8  z [  8")
	fmt.Println(key.Number, key.Spaces, key.Part(), err)
	_, err = hixie.ParseKey("1 2 3")
	fmt.Println(err)
	// Output:
	// 1868545188 12 155712099 <nil>
	// key "1 2 3": its digits 123 are no multiple of its 2 spaces
}
