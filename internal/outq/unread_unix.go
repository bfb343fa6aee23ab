//go:build unix

package outq

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Unread reports whether there is something to be read from c, its end included.
func Unread(c syscall.Conn) (unread bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	raw.Control(func(fd uintptr) { unread = UnreadFD(int(fd)) })
	return unread
}

// UnreadFD is Unread for a descriptor.
func UnreadFD(fd int) bool {
	polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(polled, 0)
	return err == nil && n > 0
}
