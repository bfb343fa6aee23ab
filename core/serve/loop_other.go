//go:build !linux

package serve

import (
	"context"
	"net"

	"github.com/ws76/ws76/core"
)

// loop is there on Linux only: elsewhere goroutines serve every connection.
type loop struct{ server *Server }

type opening struct{}

type task struct {
	peer   *Peer
	do     taskKind
	code   int
	reason string
}

type taskKind uint8

const closePeer taskKind = 0

func (l *loop) post(task) bool                  { return false }
func (l *loop) reply(*Peer, core.Message) error { return core.ErrClosing }
func (l *loop) replyRun(*Peer, []byte, int)     {}
func (l *loop) write(int32, []byte) int         { return 0 }
func (l *loop) watch(*Peer)                     {}
func (l *loop) flush(*Peer)                     {}
func (l *loop) sendReplies(*Peer)               {}
func (l *loop) cutOff(*Peer)                    {}
func (l *loop) all(func(*Peer) bool) bool       { return true }

func (s *Server) startLoops(_ serving, listeners []net.Listener, _ func(error)) (wait func(context.Context), rest []net.Listener) {
	return func(context.Context) {}, listeners
}
