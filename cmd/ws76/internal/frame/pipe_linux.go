package frame

import (
	"os"

	"golang.org/x/sys/unix"
)

// pipeSize is what an unprivileged process may ask for. With the default of 64 KiB
// the time goes into waking the other side.
const pipeSize = 1 << 20

// widenPipe makes f's buffer larger if f is a pipe. The system may refuse.
func widenPipe(f any) {
	file, ok := f.(*os.File)
	if !ok {
		return
	}
	if conn, err := file.SyscallConn(); err == nil {
		conn.Control(func(fd uintptr) {
			if n, err := unix.FcntlInt(fd, unix.F_GETPIPE_SZ, 0); err == nil && n < pipeSize {
				unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize)
			}
		})
	}
}
