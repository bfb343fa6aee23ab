package core

import (
	"net"
	"syscall"

	"github.com/ws76/ws76/internal/outq"
)

// Unsent returns how many bytes of what was sent the peer is known not to have: they
// wait for a slow line, or for the peer to take them. 0 where that is not known. A
// stream that knows better than the system has a method Unsent of its own.
func (c *Conn) Unsent() int { return unsent(c.stream) }

func unsent(stream net.Conn) int {
	switch s := stream.(type) {
	case interface{ Unsent() int }:
		return s.Unsent()
	case interface{ NetConn() net.Conn }: // TLS
		return unsent(s.NetConn())
	case syscall.Conn:
		return outq.Of(s)
	}
	return 0
}

// Unread reports whether the peer has sent something, or ended, that nobody has read
// yet, as far as the system knows.
func (c *Conn) Unread() bool { return unread(c.stream) }

func unread(stream net.Conn) bool {
	switch s := stream.(type) {
	case interface{ Unread() bool }:
		return s.Unread()
	case interface{ NetConn() net.Conn }: // TLS
		return unread(s.NetConn())
	case syscall.Conn:
		return outq.Unread(s)
	}
	return false
}
