package bridge_test

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/bridge"
	"github.com/ws76/ws76/core/relay"
)

// dying is a server that writes down what it reads, and resets its first connections
// after a while, with the rest of what was sent to them unread.
type dying struct {
	l    net.Listener
	each int // messages until it does
	left int // connections that it resets

	mu  sync.Mutex
	got []int
}

func newDying(t *testing.T, each, deaths int) *dying {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &dying{l: l, each: each, left: deaths}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			stream, err := l.Accept()
			if err != nil {
				return
			}
			d.serve(stream)
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return d
}

func (d *dying) serve(stream net.Conn) {
	defer stream.Close()
	conn, err := core.Accept(context.Background(), stream, nil)
	if err != nil {
		return
	}
	for n := 0; ; n++ {
		if n == d.each && d.left > 0 {
			d.left--
			stream.(*net.TCPConn).SetLinger(0)
			return
		}
		m, err := conn.Receive(context.Background())
		if err != nil {
			conn.Close(context.Background())
			return
		}
		i, _ := strconv.Atoi(string(m.Data))
		d.mu.Lock()
		d.got = append(d.got, i)
		d.mu.Unlock()
	}
}

func (d *dying) dial(dialect core.Dialect) func(context.Context) (relay.Endpoint, error) {
	return func(ctx context.Context) (relay.Endpoint, error) {
		stream, err := net.Dial("tcp", d.l.Addr().String())
		if err != nil {
			return nil, err
		}
		return core.Client(ctx, stream, "ws://example.com/", &core.DialOptions{Dialect: dialect})
	}
}

// TestBufferDeaths: of what is sent to a server that dies with something unread, the
// buffer says how much may be lost, or sends it again, first and in order.
func TestBufferDeaths(t *testing.T) {
	const atLeast, deaths = 20_000, 3
	for _, dialect := range core.Dialects {
		for _, redeliver := range []bool{false, true} {
			t.Run(string(dialect)+" "+strconv.FormatBool(redeliver), func(t *testing.T) {
				d := newDying(t, atLeast/10, deaths)
				b := bridge.NewBuffer(nil, bridge.BufferOptions{Size: 1 << 20, Redeliver: redeliver, Dial: d.dial(dialect), Retries: bridge.Retries{Backoff: time.Millisecond}})
				var pump sync.WaitGroup
				defer pump.Wait()
				pump.Go(func() {
					for {
						if _, err := b.Receive(context.Background()); err != nil {
							return
						}
					}
				})
				count := 0
				for count < atLeast || b.Stats().Opened <= deaths {
					if err := b.Send(t.Context(), core.Message{Data: strconv.AppendInt(nil, int64(count), 10)}); err != nil {
						t.Fatal(err)
					}
					if count++; count >= atLeast { // nothing may be left of what was there
						time.Sleep(10 * time.Microsecond)
					}
				}
				if err := b.Close(t.Context()); err != nil {
					t.Error(err)
				}
				s := b.Stats()
				d.mu.Lock()
				defer d.mu.Unlock()
				seen, twice, last := make(map[int]bool), 0, -1
				for _, i := range d.got {
					if seen[i] {
						twice++
						continue
					}
					if seen[i] = true; i < last {
						t.Fatalf("%d came first behind %d", i, last)
					}
					last = i
				}
				missing := count - len(seen)
				t.Logf("%d arrived, %d twice; %+v", len(seen), twice, s)
				if s.Opened != deaths+1 || s.Sent+s.Uncertain+s.Lost() != uint64(count) || s.Lost() != 0 {
					t.Errorf("%+v of %d", s, count)
				}
				if redeliver && (missing > 0 || s.Uncertain > 0 || uint64(twice) > s.Again) {
					t.Errorf("%d are missing, %d came twice: %+v", missing, twice, s)
				}
				if !redeliver && (uint64(missing) > s.Uncertain || missing == 0 || twice > 0) {
					t.Errorf("%d are missing, %d came twice: %+v", missing, twice, s)
				}
			})
		}
	}
}

// TestNothingAgain: what waits for a server that never comes back was sent once.
func TestNothingAgain(t *testing.T) {
	d := newDying(t, 10, 1)
	opened := false
	b := bridge.NewBuffer(nil, bridge.BufferOptions{Size: 1000, Redeliver: true, Retries: bridge.Retries{Backoff: time.Millisecond}, Dial: func(ctx context.Context) (relay.Endpoint, error) {
		if opened {
			return nil, errors.New("gone")
		}
		opened = true
		return d.dial(core.Hixie76)(ctx)
	}})
	var pump sync.WaitGroup
	defer pump.Wait()
	pump.Go(func() { b.Receive(context.Background()) })
	for range 100 {
		if err := b.Send(t.Context(), core.Message{Data: []byte("1")}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Microsecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	b.Close(ctx)
	if s := b.Stats(); s.Again != 0 || s.Uncertain == 0 || s.Sent+s.Uncertain+s.Lost() != 100 {
		t.Errorf("%+v", s)
	}
}
