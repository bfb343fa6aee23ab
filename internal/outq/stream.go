package outq

import (
	"net"
	"syscall"
)

// AskStream asks the system about a stream. Of TLS, which is secure, more waits than
// what was given to it.
func AskStream(stream net.Conn) (st State, secure bool) {
	switch s := stream.(type) {
	case interface{ Unsent() int }: // no socket
	case interface{ NetConn() net.Conn }:
		st, _ = AskStream(s.NetConn())
		return st, true
	case syscall.Conn:
		return Ask(s), false
	}
	return st, false
}
