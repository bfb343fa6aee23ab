package outq

import (
	"net"
	"syscall"
)

// Under returns the stream that lies under TLS, if secure, or under what else has a
// method NetConn; otherwise stream itself.
func Under(stream net.Conn) (under net.Conn, secure bool) {
	for {
		over, ok := stream.(interface{ NetConn() net.Conn })
		if !ok {
			return stream, secure
		}
		stream, secure = over.NetConn(), true
	}
}

// AskStream asks the system about a stream. Of TLS, which is secure, more waits than what was given to it.
func AskStream(stream net.Conn) (st State, secure bool) {
	under, secure := Under(stream)
	switch s := under.(type) {
	case interface{ Unsent() int }: // no socket
	case syscall.Conn:
		return Ask(s), secure
	}
	return st, secure
}

// UnreadStream is Unread for the socket of a stream, whatever lies over that.
func UnreadStream(stream net.Conn) bool {
	under, _ := Under(stream)
	s, ok := under.(syscall.Conn)
	return ok && Unread(s)
}
