package serve_test

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/serve"
)

// TestPeerFate: of what was sent to a peer that is lost it is not known whether it was
// read, no more than a window of it; a peer that ends properly has read all.
func TestPeerFate(t *testing.T) {
	const size = 1000 // bytes of a message
	for _, c := range []struct {
		name        string
		messages    int
		end         func(net.Conn)
		least, most uint64
	}{
		{"closed properly", 3, func(c net.Conn) { c.Write([]byte("\xff\x00")); io.Copy(io.Discard, c) }, 0, 0},
		{"no closing frame", 3, func(net.Conn) {}, 3, 3},
		{"reset", 3, func(c net.Conn) { c.(*net.TCPConn).SetLinger(0) }, 3, 3},
		{"reset after more than a window", 30_000, func(c net.Conn) { c.(*net.TCPConn).SetLinger(0) }, 1, 29_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEvents(t, func(t *testing.T, e engine) {
				closed := make(chan serve.PeerStats, 1)
				r := start(t, e, &serve.Server{Events: told{closed: func(p *serve.Peer, _ error) { closed <- p.Stats() }}})
				stream := r.raw(t, true)
				if err := stream.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
					t.Fatal(err)
				}
				frame := append(append([]byte{0}, bytes.Repeat([]byte("x"), size)...), 0xff)
				for sent := 0; sent < c.messages; {
					n := min(c.messages-sent, 10)
					if _, err := stream.Write(bytes.Repeat(frame, n)); err != nil {
						t.Fatal(err)
					}
					if _, err := io.ReadFull(stream, make([]byte, n*len(frame))); err != nil {
						t.Fatal(err)
					}
					sent += n
				}
				c.end(stream)
				stream.Close()
				st := <-closed
				if st.MessagesOut != uint64(c.messages) || st.Unsent != 0 || st.NotKnown < c.least || st.NotKnown > c.most {
					t.Errorf("%+v, want %d sent, %d to %d of them not known", st, c.messages, c.least, c.most)
				}
				if n := r.Stats().NotKnown; n != st.NotKnown {
					t.Errorf("the server counts %d, the peer %d", n, st.NotKnown)
				}
				r.end(t)
			})
		})
	}
}

// TestPeerFateCrossing: a closing frame that was sent before the server's was read, behind
// which the peer closes with the rest unread, is no answer.
func TestPeerFateCrossing(t *testing.T) {
	onEvents(t, func(t *testing.T, e engine) {
		for _, reads := range []bool{false, true} {
			closed, given := make(chan serve.PeerStats, 1), make(chan struct{})
			r := start(t, e, &serve.Server{Events: told{
				open: func(p *serve.Peer) {
					if err := p.Send(core.Message{Data: []byte("hello")}); err != nil {
						t.Error(err)
					}
					p.Close(1000, "")
					close(given)
				},
				closed: func(p *serve.Peer, _ error) { closed <- p.Stats() },
			}})
			stream := r.raw(t, true)
			<-given
			all := []byte("\x00hello\xff\xff\x00")
			if !reads {
				all = all[:1] // what is there: the rest is, too
			}
			if _, err := io.ReadFull(stream, all); err != nil {
				t.Fatal(err)
			}
			stream.Write([]byte("\xff\x00"))
			if reads {
				io.Copy(io.Discard, stream)
			}
			stream.Close()
			if st := <-closed; st.NotKnown != map[bool]uint64{false: 1, true: 0}[reads] {
				t.Errorf("reads %v: %+v", reads, st)
			}
			r.end(t)
		}
	})
}

// TestPeerFateStuck: what waits in a peer's system that is told to end and does not read
// is not known, what waits here was not sent, and nothing counts twice.
func TestPeerFateStuck(t *testing.T) {
	onEvents(t, func(t *testing.T, e engine) {
		const messages = 2000
		closed, given := make(chan serve.PeerStats, 1), make(chan struct{})
		r := start(t, e, &serve.Server{
			Accept: core.AcceptOptions{CloseTimeout: bound / 100},
			Events: told{
				open: func(p *serve.Peer) {
					for range messages {
						if err := p.Send(core.Message{Data: make([]byte, 10_000)}); err != nil {
							t.Error(err)
						}
					}
					close(given)
				},
				closed: func(p *serve.Peer, _ error) { closed <- p.Stats() },
			},
			Settings: serve.Settings{SendBytes: 1 << 30},
		})
		defer r.raw(t, true).Close()
		<-given
		r.stopAndWait(t)
		st := <-closed
		if st.NotKnown == 0 || st.Unsent == 0 || st.MessagesOut+st.Unsent != messages || st.NotKnown > st.MessagesOut {
			t.Errorf("%+v of %d messages", st, messages)
		}
	})
}
