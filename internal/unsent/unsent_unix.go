//go:build linux || darwin

package unsent

import "golang.org/x/sys/unix"

// Bound has the system keep at most Most unsent bytes for the TCP socket fd, and one
// write more. Other sockets are left as they are.
func Bound(fd int) { unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, Most) }
