package serve_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/serve"
)

// Unfinished messages share one budget: the largest are given up, the others go on, and
// what is held is given back when it is over. Fragments count, and what is inflated.
func TestPending(t *testing.T) { onEngines(t, testPending) }

func testPending(t *testing.T, e engine) {
	const budget, large = 1 << 20, 256 << 10
	ended := make(chan error, 100)
	server := &serve.Server{
		Accept: core.AcceptOptions{Pending: core.NewBudget(budget), CloseTimeout: soon},
		Closed: func(_ *core.Conn, err error) { ended <- err },
	}
	if e != handlers {
		server.Events = told{closed: func(_ *serve.Peer, err error) { ended <- err }}
	}
	r := start(t, e, server)
	for _, tc := range []struct {
		dialect     core.Dialect
		begin, part string
	}{
		{core.Hixie76, "\x00", "hello"},
		{core.Hixie75, "\x00", "hello"},
		{core.RFC6455, "\x82\xff\x00\x00\x00\x00\x00\xf0\x00\x00\x00\x00\x00\x00", "hello"},
		{core.RFC6455, "\x02\x80\x00\x00\x00\x00", "\x00\xfe\x03\xe8\x00\x00\x00\x00" + strings.Repeat("x", 1000)},
	} {
		// A small one that is unfinished all the time, and good.
		hello, echo := helloOf(tc.dialect)
		small := r.raw(t, false)
		io.WriteString(small, openingOf(tc.dialect)+hello[:4])
		readUntil(t, small, "\r\n\r\n")
		var streams []net.Conn
		for range 12 {
			stream := r.raw(t, false)
			streams = append(streams, stream)
			go io.WriteString(stream, openingOf(tc.dialect)+tc.begin+strings.Repeat(tc.part, large/len(tc.part)))
		}
		for range 12 - budget/large {
			select {
			case err := <-ended:
				if !errors.Is(err, core.ErrPendingFull) {
					t.Errorf("%s: ended with %v", tc.dialect, err)
				}
			case <-time.After(bound):
				held, givenUp := r.Accept.Pending.Held()
				t.Fatalf("%s, %q: %d bytes are held, %d messages were given up", tc.dialect, tc.begin, held, givenUp)
			}
		}
		if held, givenUp := r.Accept.Pending.Held(); held > budget || givenUp == 0 {
			t.Errorf("%s: %d bytes are held, %d messages were given up", tc.dialect, held, givenUp)
		}
		io.WriteString(small, hello[4:])
		readUntil(t, small, echo)
		small.Close()
		for _, stream := range streams {
			stream.Close()
		}
		eventually(t, "all are gone, and nothing is held", func() bool {
			held, _ := r.Accept.Pending.Held()
			return held == 0 && r.Stats().Conns == 0
		})
		for len(ended) > 0 {
			<-ended
		}
	}
	r.stopAndWait(t)
}

// What waits for those that do not read counts, too: the one for whom most waits is given
// up, and who reads goes on.
func TestPendingUnread(t *testing.T) {
	for _, e := range []engine{loops, fronted} {
		t.Run(string(e), func(t *testing.T) {
			const budget = 400 << 10
			ended := make(chan error, 100)
			r := start(t, e, &serve.Server{
				Accept: core.AcceptOptions{Pending: core.NewBudget(budget)},
				Events: told{closed: func(_ *serve.Peer, err error) { ended <- err }},
			})
			good := r.dial(t, core.Hixie76)
			var streams []net.Conn
			var sending sync.WaitGroup
			for i := range 12 {
				d := core.Dialects[i%len(core.Dialects)]
				stream := r.raw(t, false)
				streams = append(streams, stream)
				block := []byte(strings.Repeat(largeOf(d), 16))
				sending.Go(func() {
					_, err := io.WriteString(stream, openingOf(d))
					for err == nil {
						_, err = stream.Write(block)
					}
				})
			}
			select {
			case err := <-ended:
				if !errors.Is(err, core.ErrNotRead) {
					t.Errorf("ended with %v", err)
				}
			case <-time.After(bound):
				held, _ := r.Accept.Pending.Held()
				t.Errorf("nobody was given up, %d bytes are held", held)
			}
			echoes(t, good, "still there?")
			if held, _ := r.Accept.Pending.Held(); held > budget {
				t.Errorf("%d bytes are held", held)
			}
			for _, stream := range streams {
				stream.Close()
			}
			sending.Wait()
			good.Close(testContext(t))
			eventually(t, "nothing is held", func() bool {
				held, _ := r.Accept.Pending.Held()
				return held == 0 && r.Stats().Conns == 0
			})
			r.stopAndWait(t)
		})
	}
}

// Empty messages that wait take more memory than they have bytes, and that counts.
func TestPendingUnreadEmpty(t *testing.T) {
	peers := make(chan *serve.Peer, 1)
	r := start(t, loops, &serve.Server{
		Accept: core.AcceptOptions{Pending: core.NewBudget(1 << 30)},
		Events: told{open: func(p *serve.Peer) { peers <- p }},
	})
	stream := r.raw(t, false)
	var sending sync.WaitGroup
	sending.Go(func() {
		_, err := io.WriteString(stream, openingOf(core.Hixie76))
		for err == nil {
			_, err = io.WriteString(stream, strings.Repeat("\x00\xff", 1000))
		}
	})
	p := <-peers
	eventually(t, "what waits is counted", func() bool {
		messages, bytes := p.Queued()
		held, _ := r.Accept.Pending.Held()
		return messages > 10_000 && held > int64(bytes+3*messages)
	})
	stream.Close()
	sending.Wait()
	r.stopAndWait(t)
}
