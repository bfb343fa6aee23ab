package scripts

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
)

// unread is the URL of a server that reads nothing behind the handshake.
func unread(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	held, accepted := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { l.Close(); close(held); <-accepted })
	go func() {
		defer close(accepted)
		stream, err := l.Accept()
		if err != nil {
			return
		}
		defer stream.Close()
		stream.(*net.TCPConn).SetReadBuffer(4 << 10)
		if _, err := core.Accept(context.Background(), stream, nil); err != nil {
			t.Error(err)
		}
		<-held
	}()
	return "ws://" + l.Addr().String() + "/"
}

const flood = `
local c = assert(ws76.connect(args[1]))
repeat
  local sent = c:send(("x"):rep(100000))
until not sent
print("full")
`

// stopAfter has Run take so long at most for its end.
func stopAfter(t *testing.T, d time.Duration) {
	before := stopTime
	stopTime = d
	t.Cleanup(func() { stopTime = before })
}

// TestUndelivered: a program whose messages nobody reads ends with an error that says how many were lost.
func TestUndelivered(t *testing.T) {
	for name, end := range map[string]string{"left open": "", "closed": "c:close()"} {
		t.Run(name, func(t *testing.T) {
			stopAfter(t, 100*time.Millisecond)
			o := Options{Args: Args{List: []string{unread(t)}}}
			network(&o)
			_, err := runToEnd(t, flood+end, o)
			var lost *UndeliveredError
			if !errors.As(err, &lost) || lost.NotSent == 0 {
				t.Errorf("the program ends with %v", err)
			}
		})
	}
}

// TestUndeliveredHurried: a program that is told to end waits no longer for who does not read than a connection may
// take to close.
func TestUndeliveredHurried(t *testing.T) {
	stopAfter(t, time.Hour)
	path := t.TempDir() + "/p.lua"
	writeFile(t, path, flood+"ws76.sleep(3600)")
	r := &rig{t: t, news: make(chan struct{}, 1)}
	o := Options{Args: Args{List: []string{unread(t)}}, CloseTimeout: 100 * time.Millisecond}
	network(&o)
	r.options(&o)
	ctx, cancel := context.WithCancelCause(t.Context())
	over := errors.New("told to end")
	full := make(chan struct{}, 1)
	o.Print = func(string) { full <- struct{}{} }
	s, err := LoadTask(path, o)
	if err != nil {
		t.Fatal(err)
	}
	go func() { <-full; cancel(over) }()
	if err := s.Run(ctx); err != over {
		t.Errorf("it ends with %v", err)
	}
	if s.unseen.NotSent == 0 {
		t.Error("nothing is said to be lost")
	}
}
