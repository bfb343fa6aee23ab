package core_test

import (
	"testing"

	"github.com/ws76/ws76/core"
)

// request76 is what a browser of its time sends.
const request76 = "GET /echo HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: 127.0.0.1:8076\r\n" +
	"Origin: http://127.0.0.1:8076\r\nSec-WebSocket-Key1: 18x 6]8vM;54 *(5:  {   U1]8  z [  8\r\n" +
	"Sec-WebSocket-Key2: 1_ tx7X d  <  nw  334J702) 7]o}` 0\r\n\r\nTm[K T2u"

// open does what an event loop does to open a connection.
func openBy(tb testing.TB, opts *core.AcceptOptions, request, buf []byte) {
	h := core.NewHandshake(opts)
	n, err := h.Read(request)
	if err != nil {
		tb.Fatal(err)
	}
	out, err := h.AppendResponse(buf[:0], nil, nil)
	if err != nil {
		tb.Fatal(err)
	}
	if h.Challenged() {
		if out, err = h.AppendAnswer(out, [core.Key3Len]byte(request[n:])); err != nil {
			tb.Fatal(err)
		}
	}
	if len(out) == 0 {
		tb.Fatal("no response")
	}
}

func BenchmarkHandshake(b *testing.B) {
	buf := make([]byte, 0, 4096)
	for _, r := range []struct{ name, request string }{{"hixie-76", request76}, {"rfc6455", request6455}} {
		b.Run(r.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				openBy(b, &core.AcceptOptions{}, []byte(r.request), buf)
			}
		})
	}
}

const request6455 = "GET /echo HTTP/1.1\r\nHost: 127.0.0.1:8076\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
