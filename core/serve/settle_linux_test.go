package serve_test

import (
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/serve"
)

// givesUp is a core.Holder: whoever else spends its budget calls it in between.
type givesUp func()

func (g givesUp) GiveUp() { g() }

// A peer whose replies did not fit at the end of a read takes some before the loop writes to it
// once more, and now they fit: it is served on. The moment is that in which what waits is counted.
func TestRepliesFitLater(t *testing.T) {
	for _, e := range []engine{loops, fronted} {
		t.Run(string(e), func(t *testing.T) {
			const budget = 64 << 20
			// A socket takes more than some, and less than both together.
			some, much := strings.Repeat("s", 96<<10), strings.Repeat("m", 160<<10)
			l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
			if err != nil {
				t.Fatal(err)
			}
			var handled, later atomic.Bool
			var taken atomic.Int64
			r := startOn(t, e, &serve.Server{
				Settings: serve.Settings{SendBytes: 1}, // any that wait hold the peer
				Accept:   core.AcceptOptions{Pending: core.NewBudget(budget)},
				Events: told{
					message: func(p *serve.Peer, m core.Message) {
						reply := map[string]string{"some": some, "much": much, "again": "again"}[string(m.Data)]
						for piece := range slices.Chunk([]byte(reply), 1<<10) {
							p.Reply(core.Message{Data: piece})
						}
						handled.Store(string(m.Data) == "much")
					},
				},
			}, l)
			stream, err := net.Dial("unix", r.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Close()
			stream.SetDeadline(time.Now().Add(bound))
			io.WriteString(stream, request)
			readUntil(t, stream, answer)
			raw, err := stream.(*net.UnixConn).SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			var held core.Holding
			r.Accept.Pending.Set(&held, givesUp(func() {
				later.Store(handled.Load())
				raw.Control(func(fd uintptr) {
					buf := make([]byte, 64<<10)
					for n := 1; n > 0; {
						n, _, _ = unix.Recvfrom(int(fd), buf, unix.MSG_DONTWAIT)
						taken.Add(int64(max(n, 0)))
					}
				})
			}), budget)
			io.WriteString(stream, "\x00some\xff")
			eventually(t, "some have left", func() bool { return r.Stats().MessagesOut == 96 })
			io.WriteString(stream, "\x00much\xff")
			eventually(t, "all have left", func() bool { return r.Stats().MessagesOut == 96+160 })
			if !later.Load() {
				t.Error("what waited was not counted at the end of the read")
			}
			io.CopyN(io.Discard, stream, (96+160)*(1<<10+2)-taken.Load())
			io.WriteString(stream, "\x00again\xff")
			readUntil(t, stream, "\x00again\xff")
			stream.Close()
			r.stopAndWait(t)
		})
	}
}
