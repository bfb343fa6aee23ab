package bridge_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/bridge"
	"github.com/ws76/ws76/core/relay"
)

// A server that dies in the middle of a message: what was whole arrives, the half
// does not, and the client is told.
func TestDiesMidMessage(t *testing.T) {
	near, far := net.Pipe()
	dying := make(chan error, 1)
	go func() {
		server, err := core.Accept(context.Background(), far, nil)
		if err == nil {
			err = server.Send(context.Background(), core.Message{Data: []byte("whole")})
		}
		if err == nil {
			_, err = io.WriteString(far, "\x00hal")
		}
		far.Close()
		dying <- err
	}()
	b, err := core.Client(t.Context(), near, "ws://x/", nil)
	if err != nil {
		t.Fatal(err)
	}
	client, a := pair(t, core.RFC6455)
	over := make(chan error, 1)
	go func() {
		link := &bridge.Link{}
		over <- relay.Join(context.Background(), link.Conn(relay.A, a, nil), link.Conn(relay.B, b, nil), &relay.Options{Hooks: []relay.Hook{link.Hook()}})
	}()
	if m, err := client.Receive(t.Context()); err != nil || string(m.Data) != "whole" {
		t.Errorf("got %q, %v", m.Data, err)
	}
	_, err = client.Receive(t.Context())
	if code, _ := closeCode(err); code != 1011 {
		t.Errorf("the client saw %v", err)
	}
	client.Close(t.Context())
	if err := <-over; !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the bridge: %v", err)
	}
	if err := <-dying; err != nil {
		t.Error(err)
	}
}

// A side that does not read holds up the other, within the buffers of TCP, and once
// it reads has everything.
func TestFlood(t *testing.T) {
	client, server, over := bridged(t, core.Hixie76, core.RFC6455, nil)
	const size, most = 8 << 10, 256 << 20
	flood := make([]byte, size)
	for i := range flood {
		flood[i] = 'x'
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sent := 0
	for {
		some, stop := context.WithTimeout(ctx, 300*time.Millisecond)
		err := server.Send(some, core.Message{Data: flood})
		stop()
		if err != nil {
			break // it is held up; the last message may be cut
		}
		if sent += size; sent > most {
			t.Fatalf("%d bytes were taken and nobody has read one", sent)
		}
	}
	got := 0
	for got < sent {
		m, err := client.Receive(ctx)
		if err != nil || len(m.Data) != size {
			t.Fatalf("after %d of %d bytes: %d, %v", got, sent, len(m.Data), err)
		}
		got += size
	}
	go server.Receive(ctx)
	go client.Receive(ctx)
	client.Close(ctx)
	server.Close(ctx)
	<-over
}

// stopper is a proxy that can stand still.
type stopper struct {
	mu sync.Mutex // held while it does
	wg sync.WaitGroup
}

func (s *stopper) carry(dst, src net.Conn) {
	defer dst.Close()
	b := make([]byte, 4096)
	for {
		n, err := src.Read(b)
		s.mu.Lock()
		_, werr := dst.Write(b[:n])
		s.mu.Unlock()
		if err != nil || werr != nil {
			return
		}
	}
}

// The network stands still for a while: nothing is lost, nothing ends.
func TestStall(t *testing.T) {
	u := newUpstream(t, core.Hixie76)
	u.start()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &stopper{}
	s.wg.Go(func() {
		near, err := l.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", u.addr)
		if err != nil {
			near.Close()
			return
		}
		s.wg.Go(func() { s.carry(near, far) })
		s.carry(far, near)
	})
	defer s.wg.Wait()
	defer l.Close()
	b, err := core.Dial(t.Context(), "ws://"+l.Addr().String()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	client, a := pair(t, core.RFC6455)
	over := make(chan error, 1)
	go func() {
		link := &bridge.Link{}
		over <- relay.Join(context.Background(), link.Conn(relay.A, a, nil), link.Conn(relay.B, b, nil), &relay.Options{Hooks: []relay.Hook{link.Hook()}})
	}()
	const count = 3000
	for i := range count {
		if i == count/2 {
			s.mu.Lock()
			time.AfterFunc(500*time.Millisecond, s.mu.Unlock)
		}
		if err := client.Send(t.Context(), core.Message{Data: strconv.AppendInt(nil, int64(i), 10)}); err != nil {
			t.Fatal(err)
		}
	}
	for i, text := range u.all(count) {
		if text != strconv.Itoa(i) {
			t.Fatalf("message %d is %q", i, text)
		}
	}
	if err := client.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-over; err != nil {
		t.Errorf("the bridge: %v", err)
	}
}
