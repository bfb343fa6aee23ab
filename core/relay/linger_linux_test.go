package relay

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/internal/testenv"
)

// What the peer's system has acknowledged is not with the peer yet: one that reads late
// is waited for, and one that never reads has not received everything.
func TestLingerUnread(t *testing.T) {
	for name, reads := range map[string]bool{"reads late": true, "never reads": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			near, far := testenv.TCPPair(t, 64<<10)
			question := strings.Repeat("?", 114_000) // its window is 64 KiB, and it holds as much again
			closed, served := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(served)
				defer far.Close()
				far.Read(make([]byte, 4096))
				io.WriteString(far, "HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"+
					"WebSocket-Origin: http://host\r\nWebSocket-Location: ws://host/\r\n\r\n")
				if !reads {
					<-closed
					return
				}
				time.Sleep(700 * time.Millisecond)
				io.CopyN(io.Discard, far, int64(len(question)+2))
				io.WriteString(far, "\x00answer\xff")
				io.Copy(io.Discard, far)
			}()
			conn, err := core.Client(t.Context(), near, "ws://host/", &core.DialOptions{Dialect: core.Hixie75, CloseTimeout: 100 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			side := &oneMessage{question: question, got: make(chan string, 1)}
			err = Join(t.Context(), side, conn, &Options{LingerA: 50 * time.Millisecond, CloseTimeout: 100 * time.Millisecond})
			close(closed)
			<-served
			if got := len(side.got) == 1; got != reads || conn.Fate().Unread == reads {
				t.Errorf("answered: %v, %+v, %v", got, conn.Fate(), err)
			}
		})
	}
}
