package tcplimit

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

// setTimeout has the system notice the peer of the TCP socket fd once it has acknowledged nothing for after.
func setTimeout(fd int, after time.Duration) {
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(after.Milliseconds()))
	// Otherwise a closed window is probed every two minutes in the end, and what was
	// lost is sent again as seldom. Older systems refuse it.
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, tcpRTOMaxMS, int(most(after).Milliseconds()))
}

// Look has the TCP socket fd, which Set was called for, outlast a peer that is alive and
// takes nothing, as long as it answers.
func Look(fd int, after time.Duration) {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return
	}
	before, _ := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
	if now := int(timeout(info, after, before == 0).Milliseconds()); now != before {
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, now)
	}
}

// timeout is how long a peer, of whose socket info tells, may acknowledge nothing from
// the time on that it has done so; 0: for ever. lasts says that it was 0 before.
//
// A window that is closed, or smaller than what is to be sent, is probed, and a peer whose memory is full drops what is
// sent into a window that it had announced, which is sent again. Such a peer is alive if it answers.
func timeout(info *unix.TCPInfo, after time.Duration, lasts bool) time.Duration {
	silent := time.Duration(info.Last_ack_recv) * time.Millisecond
	closed := info.Unacked == 0 && info.Notsent_bytes > 0 || tellsWindow() && info.Snd_wnd == 0
	switch {
	case closed && silent < max(after, 3*most(after)): // probes may be as far apart
		return 0
	case info.Retransmits > 0 && info.Last_ack_recv <= info.Last_data_sent: // the last one was answered
		return 0
	case lasts && silent < after: // what is counted from had begun long ago
		return 0
	}
	return after
}
