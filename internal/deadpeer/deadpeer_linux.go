package deadpeer

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const looks = true

// tcpRTOMaxMS is TCP_RTO_MAX_MS of Linux 6.15.
const tcpRTOMaxMS = 44

// most is how long the system waits before it tries again: two minutes before Linux 6.15.
func most(after time.Duration) time.Duration {
	if !takesMost() {
		return 2 * time.Minute
	}
	return min(max(Period(after), time.Second), 2*time.Minute)
}

var takesMost = sync.OnceValue(func() bool { return release() >= 6015 })

// tellsWindow says that TCP_INFO has the window of the peer, since Linux 5.4.
var tellsWindow = sync.OnceValue(func() bool { return release() >= 5004 })

// release is the version of Linux, 6015 for 6.15.
func release() (n int) {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return 0
	}
	var major, minor int
	fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor)
	return 1000*major + minor
}

// Set has the system notice the peer of the TCP socket fd, or, where that listens, those
// of the sockets that it accepts, once it has acknowledged nothing for after.
func Set(fd int, after time.Duration) {
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(after.Milliseconds()))
	// Otherwise a closed window is probed every two minutes in the end, and what was
	// lost is sent again as seldom. Older systems refuse it.
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, tcpRTOMaxMS, int(most(after).Milliseconds()))
}

// Look has the TCP socket fd, which Set was called for, outlast a window that its peer
// has closed, as long as the peer answers probes of it.
func Look(fd int, after time.Duration) {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return
	}
	closed := info.Unacked == 0 && info.Notsent_bytes > 0 || tellsWindow() && info.Snd_wnd == 0
	answered := time.Duration(info.Last_ack_recv)*time.Millisecond < max(after, 3*most(after))
	ms := int(after.Milliseconds())
	if closed && answered {
		ms = 0
	}
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, ms)
}
