package bridge_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/bridge"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/internal/outq"
)

// unread is how many bytes of a stream nobody has read.
func unread(t *testing.T, c *net.TCPConn) (n int) {
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestDiesWhileClosing: the server takes no more while the buffer is closed, and dies.
// What waits was not sent, of what was written it is not known whether it arrived, and
// neither is counted as the other.
func TestDiesWhileClosing(t *testing.T) {
	const size, atLeast = 16 << 10, 100
	for _, dialect := range []core.Dialect{core.Hixie75, core.Hixie76, core.RFC6455} {
		for _, redeliver := range []bool{false, true} {
			t.Run(string(dialect), func(t *testing.T) {
				t.Parallel()
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				accepted := make(chan *net.TCPConn, 1)
				go func() {
					stream, _ := l.Accept()
					if _, err := core.Accept(context.Background(), stream, nil); err == nil {
						accepted <- stream.(*net.TCPConn) // and reads nothing
					}
				}()
				var near net.Conn
				b := bridge.NewBuffer(nil, bridge.BufferOptions{Size: 10_000, Redeliver: redeliver, CloseTimeout: patience, Retries: bridge.Retries{Backoff: time.Millisecond},
					Dial: func(ctx context.Context) (relay.Endpoint, error) {
						if near != nil {
							return nil, errors.New("gone")
						}
						var err error
						if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
							return nil, err
						}
						return core.Client(ctx, near, "ws://example.com/", &core.DialOptions{Dialect: dialect})
					}})
				var pump sync.WaitGroup
				defer pump.Wait()
				pump.Go(func() { b.Receive(context.Background()) })
				dead := <-accepted
				sent, data := 0, make([]byte, size)
				for i := range data {
					data[i] = 'x'
				}
				more := func() {
					t.Helper()
					if err := b.Send(t.Context(), core.Message{Data: data}); err != nil {
						t.Fatal(err)
					}
					sent++
				}
				// Full is the way there when nothing has left for a while.
				written := 0
				for stood := 0; stood < 20; stood++ {
					for range atLeast / 4 {
						more()
					}
					time.Sleep(10 * time.Millisecond)
					if now := outq.Of(near.(*net.TCPConn)) + unread(t, dead); now != written {
						written, stood = now, 0
					}
				}
				// The ledger knows so many places between messages.
				left := uint64(written+64<<10)/size + 1
				for range atLeast {
					more()
				}
				closing, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				var closed sync.WaitGroup
				closed.Go(func() { b.Close(closing) })
				time.Sleep(200 * time.Millisecond)
				dead.SetLinger(0)
				dead.Close()
				closed.Wait()
				s := b.Stats()
				t.Logf("%d messages, at most %d left: %+v", sent, left, s)
				switch {
				case s.Sent != 0 || s.Uncertain+s.Lost() != uint64(sent) || s.Again != 0:
					t.Errorf("%+v of %d", s, sent)
				case s.Dropped != 0 || s.Unsent < atLeast:
					t.Errorf("%+v: at least %d were never sent", s, atLeast)
				case s.Uncertain == 0 || s.Uncertain > left:
					t.Errorf("%+v: at most %d have left", s, left)
				}
			})
		}
	}
}
