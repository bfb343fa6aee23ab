package channels_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hub"
	"github.com/ws76/ws76/core/serve"
	"github.com/ws76/ws76/core/serve/channels"
)

const bound = 30 * time.Second

// tally counts what was sent to clients that read.
type tally struct {
	channels.Events
	out atomic.Uint64
}

func (e *tally) Closed(p *serve.Peer, err error) {
	e.Events.Closed(p, err)
	if p.Protocol() != stuck {
		e.out.Add(p.Stats().MessagesOut)
	}
}

// stuck is the sub-protocol of a client that does not read.
const stuck = "stuck"

// TestStopUnderLoad: while publishers go on, a stopping server gives each client its
// closing frame, and of each message that the hub took a subscriber gets it or it is
// counted for that subscriber.
func TestStopUnderLoad(t *testing.T) {
	for name, loops := range map[string]int{"event loops": 1, "goroutines": -1} {
		t.Run(name, func(t *testing.T) {
			h, err := hub.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			events := &tally{Events: channels.Events{Hub: h}}
			s := &serve.Server{
				Loops: loops, Grace: bound, Settings: serve.Settings{Queue: 1 << 20, QueueBytes: 1 << 30},
				Accept: core.AcceptOptions{CloseTimeout: bound},
				Route: func(o *serve.Opening) (serve.Service, *core.Refusal) {
					path, _, err := channels.ParsePath(strings.Clone(o.Request.Resource))
					if err != nil {
						return serve.Service{}, &core.Refusal{Status: 404, Text: err.Error()}
					}
					return serve.Service{Events: events, Data: &channels.Seat{Path: path}}, nil
				},
			}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			served := make(chan error, 1)
			go func() { served <- s.Serve(ctx, l) }()
			url := "ws://" + l.Addr().String() + "/ws/lab/"
			dial := func(mode string, d core.Dialect, protocols ...string) *core.Conn {
				ctx, cancel := context.WithTimeout(t.Context(), bound)
				defer cancel()
				conn, err := core.Dial(ctx, url+mode, &core.DialOptions{Dialect: d, Protocols: protocols})
				if err != nil {
					t.Fatal(err)
				}
				return conn
			}

			var clients sync.WaitGroup
			var stopped atomic.Bool
			got := make([]uint64, 3)
			for i, d := range core.Dialects {
				conn := dial("ro", d)
				clients.Go(func() {
					ctx, cancel := context.WithTimeout(context.Background(), bound)
					defer cancel()
					for {
						_, err := conn.Receive(ctx)
						if err == nil {
							got[i]++
							continue
						}
						if ended := conn.Ended(); ended == nil || !ended.Clean || !ended.ByPeer {
							t.Errorf("%s: %v", d, err)
						}
						conn.Close(ctx)
						return
					}
				})
			}
			stuck := dial("ro", core.Hixie76, stuck)
			for _, d := range core.Dialects {
				conn := dial("wo", d)
				clients.Go(func() {
					ctx, cancel := context.WithTimeout(context.Background(), bound)
					defer cancel()
					m := core.Message{Data: []byte(strings.Repeat("a message under load ", 10))}
					// Some more after the stop, without a look at the closing frame.
					for left := 2000; left > 0 && conn.Send(ctx, m) == nil; {
						if stopped.Load() {
							left--
						}
					}
					conn.Close(ctx) // answers it
				})
			}
			for start := time.Now(); h.Stats().Messages < 5000; time.Sleep(time.Millisecond) {
				if time.Since(start) > bound {
					t.Fatal("there is no load")
				}
			}
			stop()
			stopped.Store(true)
			clients.Wait()
			stuck.Close(t.Context())
			if err := <-served; err != nil {
				t.Error(err)
			}
			given, st := h.Stats().Delivered, s.Stats()
			if sum := st.MessagesOut + st.Dropped + st.Unsent; sum < given {
				t.Errorf("of %d messages given to subscribers %d went out, %d were dropped, %d not sent: %d are missing",
					given, st.MessagesOut, st.Dropped, st.Unsent, given-sum)
			}
			if read := got[0] + got[1] + got[2]; read != events.out.Load() {
				t.Errorf("%d messages were read, %d sent", read, events.out.Load())
			}
		})
	}
}
