package outq

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Of returns how many bytes written to c have not left: of a TCP socket what the peer has not acknowledged, of a unix
// socket or a pipe what it has not read, of a terminal what is still to go over its line. 0 where that is not known.
func Of(c syscall.Conn) int {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	waiting := 0
	raw.Control(func(fd uintptr) {
		n, err := unix.IoctlGetInt(int(fd), unix.TIOCOUTQ) // SIOCOUTQ has the same number
		if err != nil {
			n, err = pipe(int(fd))
		}
		if err == nil {
			waiting = n
		}
	})
	return waiting
}

func pipe(fd int) (int, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil || stat.Mode&unix.S_IFMT != unix.S_IFIFO {
		return 0, err
	}
	return unix.IoctlGetInt(fd, unix.TIOCINQ)
}
