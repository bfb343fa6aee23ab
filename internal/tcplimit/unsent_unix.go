//go:build linux || darwin

package tcplimit

import "golang.org/x/sys/unix"

// boundUnsent has the system keep at most Unsent unsent bytes for the TCP socket fd, and one
// write more. Other sockets are left as they are.
func boundUnsent(fd int) { unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, Unsent) }
