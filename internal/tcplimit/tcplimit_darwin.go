package tcplimit

import (
	"time"

	"golang.org/x/sys/unix"
)

const looks = false

// setTimeout has the system end the connection of the TCP socket fd once what was sent has been
// repeated for after without an answer; this system does not count closed windows.
func setTimeout(fd int, after time.Duration) {
	seconds := int(max(1, after.Round(time.Second)/time.Second))
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_RXT_CONNDROPTIME, seconds)
}

// Look does nothing on this system.
func Look(int, time.Duration) {}
