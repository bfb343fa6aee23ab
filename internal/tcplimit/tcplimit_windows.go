package tcplimit

import (
	"time"

	"golang.org/x/sys/windows"
)

const looks = false

// setTimeout has the system end the connection of the TCP socket fd once what was sent has been
// repeated for after without an answer.
func setTimeout(fd int, after time.Duration) {
	seconds := int(max(1, after.Round(time.Second)/time.Second))
	windows.SetsockoptInt(windows.Handle(fd), windows.IPPROTO_TCP, windows.TCP_MAXRT, seconds)
}

// Look does nothing on this system.
func Look(int, time.Duration) {}
