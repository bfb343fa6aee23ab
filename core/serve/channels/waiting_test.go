package channels_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hub"
	"github.com/ws76/ws76/core/serve"
	"github.com/ws76/ws76/core/serve/channels"
)

// TestWaitingIsBounded: whatever way clients read channels, what waits for those that do
// not read takes no more than the hub may have, and nothing once they are gone; who has
// little waiting stays.
func TestWaitingIsBounded(t *testing.T) {
	const fields = " HTTP/1.1\r\nHost: x\r\n"
	ways := map[string]string{
		"75":     fields + "Upgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n",
		"6455":   fields + "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
		"lines":  fields + "\r\n",
		"events": fields + "Accept: text/event-stream\r\n\r\n",
		"json":   "?format=json" + fields + "\r\n",
	}
	for engine, loops := range map[string]int{"event loops": 1, "goroutines": -1} {
		for name, way := range ways {
			t.Run(engine+"/"+name, func(t *testing.T) { testWaitingIsBounded(t, loops, way) })
		}
	}
}

func testWaitingIsBounded(t *testing.T, loops int, way string) {
	const clients, size, most = 12, 6 << 20, 40 << 20
	h, err := hub.New(&hub.Options{MaxWaiting: most})
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	plain := &channels.HTTP{Hub: h, Stop: stop}
	events := &channels.Events{Hub: h}
	s := &serve.Server{
		Loops: loops, Grace: bound,
		Route: func(o *serve.Opening) (serve.Service, *core.Refusal) {
			path, _, err := channels.ParsePath(strings.Clone(o.Request.Resource))
			if err != nil {
				return serve.Service{}, &core.Refusal{Status: 404, Text: err.Error()}
			}
			return serve.Service{Events: events, Data: &channels.Seat{Path: path}}, nil
		},
		HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { plain.ServeHTTP(w, r) }),
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()

	join := func(channel string) net.Conn {
		stream, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		stream.(*net.TCPConn).SetReadBuffer(4 << 10)
		stream.SetDeadline(time.Now().Add(bound))
		io.WriteString(stream, "GET /ws/"+channel+"/ro"+way)
		for { // until it is in the channel
			if _, ok := h.Channel(channel); ok {
				return stream
			}
			time.Sleep(time.Millisecond)
		}
	}
	var streams []net.Conn
	names := strings.Split(strings.Repeat("x ", clients), " ")[:clients]
	for i := range names {
		names[i] += string(rune('a' + i))
		streams = append(streams, join(names[i]))
	}
	small := join("small")
	if err := h.Publish("small", core.Message{Data: []byte("little")}); err != nil {
		t.Fatal(err)
	}
	large := core.Message{Data: bytes.Repeat([]byte("x"), size)}
	for _, name := range names {
		if err := h.Publish(name, large); err != nil {
			t.Fatal(err)
		}
		if n, _ := h.Waiting(); n > most {
			t.Errorf("%d bytes wait", n)
		}
	}
	if n, givenUp := h.Waiting(); n < most/4 || givenUp == 0 || givenUp >= clients {
		t.Errorf("%d bytes wait, %d of %d clients were given up", n, givenUp, clients)
	}
	if err := h.Publish("small", core.Message{Data: []byte("the end")}); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for b := make([]byte, 4096); !bytes.Contains(got, []byte("the end")); {
		n, err := small.Read(b)
		if err != nil {
			t.Fatalf("who reads got %q, %v", got, err)
		}
		got = append(got, b[:n]...)
	}
	for _, stream := range append(streams, small) {
		stream.(*net.TCPConn).SetLinger(0)
		stream.Close()
	}
	until := time.Now().Add(bound)
	for n := int64(1); n != 0; n, _ = h.Waiting() {
		if time.Now().After(until) {
			t.Fatalf("%d bytes wait for nobody", n)
		}
		time.Sleep(time.Millisecond)
	}
	close(stop)
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if n, _ := h.Waiting(); n != 0 {
		t.Errorf("%d bytes wait in the end", n)
	}
}
