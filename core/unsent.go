package core

import (
	"syscall"

	"github.com/ws76/ws76/internal/outq"
)

// Unsent returns how many bytes of what was sent the peer is known not to have: they
// wait for a slow line, or for the peer to take them. 0 where that is not known. A
// stream that knows better than the system has a method Unsent of its own.
func (c *Conn) Unsent() int {
	under, _ := outq.Under(c.stream)
	switch s := under.(type) {
	case interface{ Unsent() int }:
		return s.Unsent()
	case syscall.Conn:
		return outq.Of(s)
	}
	return 0
}

// Unread reports whether the peer has sent something, or ended, that nobody has read yet, as far as the system knows.
func (c *Conn) Unread() bool { return outq.UnreadStream(c.stream) }
