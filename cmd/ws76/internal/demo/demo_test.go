package demo

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
)

// Where there are no pseudo-terminals the module is on a line in memory; the device
// gets through, and after its connection is cut once more.
func TestDemoInMemory(t *testing.T) {
	t.Parallel()
	e := &reach.Env{Env: &app.Env{Stdout: io.Discard, Stderr: io.Discard, Log: app.NewLogger(io.Discard)}}
	driver, run, err := newModule(e, nil)
	if err != nil {
		t.Fatal(err)
	}
	module := newPart(e, "module", run)
	defer module.end()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	device := &sensorDevice{e: e, dialer: driver, url: "ws://" + l.Addr().String() + "/", interval: 20 * time.Millisecond}
	sensors := newPart(e, "device", device.run)
	defer sensors.end()
	for range 2 {
		stream, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		conn, err := core.Accept(ctx, stream, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"temperature", "humidity", "light", "temperature"} {
			m, err := conn.Receive(ctx)
			if err != nil || !strings.HasPrefix(string(m.Data), `{"id":"`+id+`","value":`) {
				t.Errorf("%q, %v; want a %s", m.Data, err, id)
			}
		}
		stream.Close() // without a closing handshake
		conn.Close(ctx)
		cancel()
	}
}

// The readings stay within what such a room has, and change slowly.
func TestReadings(t *testing.T) {
	t.Parallel()
	bounds := map[string][3]float64{"temperature": {15, 30, 0.5}, "humidity": {20, 80, 2}, "light": {0, 1000, 120}}
	var before []reading
	for at := time.Duration(0); at < 10*time.Minute; at += 500 * time.Millisecond {
		now := readings(at)
		for i, r := range now {
			b := bounds[r.ID]
			if r.Value < b[0] || r.Value > b[1] {
				t.Fatalf("after %v: %+v", at, r)
			}
			if before != nil && (r.Value-before[i].Value > b[2] || before[i].Value-r.Value > b[2]) {
				t.Fatalf("after %v: %+v, before %+v", at, r, before[i])
			}
		}
		before = now
	}
}
