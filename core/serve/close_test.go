package serve_test

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/serve"
)

// TestCloseFlooded: a peer that is told to close and goes on sending is cut off.
func TestCloseFlooded(t *testing.T) {
	onEvents(t, func(t *testing.T, e engine) {
		opened, closed := make(chan *serve.Peer, 1), make(chan error, 1)
		r := start(t, e, &serve.Server{
			Accept: core.AcceptOptions{CloseTimeout: 200 * time.Millisecond},
			Events: told{
				open:    func(p *serve.Peer) { opened <- p },
				message: func(*serve.Peer, core.Message) {},
				closed:  func(_ *serve.Peer, err error) { closed <- err },
			}})
		stream := r.raw(t, true)
		var flood sync.WaitGroup
		flood.Go(func() {
			block := []byte(strings.Repeat("\x00and another thing\xff", 1000))
			for {
				if _, err := stream.Write(block); err != nil {
					return
				}
			}
		})
		p := <-opened
		eventually(t, "it floods", func() bool { return p.Stats().MessagesIn > 10_000 })
		p.Close(1000, "")
		var err error
		select {
		case err = <-closed:
		case <-time.After(bound):
			t.Error("it is still connected")
		}
		var ce *core.CloseError
		if !errors.As(err, &ce) || !ce.Unanswered {
			t.Errorf("closed with %v", err)
		}
		r.end(t)
		flood.Wait()
	})
}

// TestCloseFailed: to a client of draft 76 an end without a closing frame says that something
// has failed, which other codes are not, and what was sent before is there.
func TestCloseFailed(t *testing.T) {
	onEvents(t, func(t *testing.T, e engine) {
		for code, want := range map[int]string{1000: "\x00last\xff\xff\x00", 1001: "\x00last\xff\xff\x00", 1011: "\x00last\xff"} {
			closed := make(chan error, 1)
			r := start(t, e, &serve.Server{Events: told{
				message: func(p *serve.Peer, _ core.Message) {
					p.Send(text("last"))
					p.Close(code, "")
				},
				closed: func(_ *serve.Peer, err error) { closed <- err },
			}})
			stream := r.raw(t, true)
			io.WriteString(stream, "\x00go\xff")
			got := readUntil(t, stream, want)
			if code == 1011 {
				rest, err := io.ReadAll(stream)
				if err != nil {
					t.Error(err)
				}
				got += string(rest)
			}
			if got != want {
				t.Errorf("%d: got %q, want %q", code, got, want)
			}
			stream.Close()
			if ce := new(core.CloseError); !errors.As(<-closed, &ce) || ce.Clean {
				t.Errorf("%d: closed with %v", code, ce)
			}
			r.end(t)
		}
	})
}

// TestCloseNeverReads: what waits for a peer that does not read keeps nobody from
// closing its connection, and is counted.
func TestCloseNeverReads(t *testing.T) {
	onEvents(t, func(t *testing.T, e engine) {
		opened, closed := make(chan *serve.Peer, 1), make(chan error, 1)
		r := start(t, e, &serve.Server{
			Accept: core.AcceptOptions{CloseTimeout: 200 * time.Millisecond},
			Events: told{
				open:   func(p *serve.Peer) { opened <- p },
				closed: func(_ *serve.Peer, err error) { closed <- err },
			}})
		r.raw(t, true)
		p := <-opened
		m := text(strings.Repeat("x", 100_000))
		// Until a moment passes in which nothing leaves.
		for before := uint64(0); ; before = p.Stats().MessagesOut {
			for p.Send(m) == nil {
			}
			time.Sleep(50 * time.Millisecond)
			if out := p.Stats().MessagesOut; out > 0 && out == before {
				break
			}
		}
		p.Close(1000, "")
		select {
		case err := <-closed:
			var ce *core.CloseError
			if !errors.As(err, &ce) || ce.Clean {
				t.Errorf("closed with %v", err)
			}
		case <-time.After(bound):
			t.Error("it is still connected")
		}
		if p.Stats().Unsent == 0 {
			t.Errorf("%+v", p.Stats())
		}
		r.end(t)
	})
}
