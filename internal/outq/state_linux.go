package outq

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// States of TCP, as TCP_INFO has them.
const (
	tcpFinWait1 = 4
	tcpClose    = 7
	tcpLastAck  = 9
	tcpClosing  = 11
)

// Ask returns what the system knows of what was written to c, a socket that is open
// still on this side, whatever has become of the connection.
func Ask(c syscall.Conn) (st State) {
	if raw, err := c.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { st = AskFD(int(fd)) })
	}
	return st
}

// AskFD is Ask for a descriptor.
func AskFD(fd int) State {
	waiting, err := unix.IoctlGetInt(fd, unix.TIOCOUTQ) // SIOCOUTQ has the same number
	if err != nil {
		return State{}
	}
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		// Of a unix socket what waits has not been read, counted with what the system
		// itself takes for it. What a peer has not read when it ends is forgotten.
		most, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
		return State{Known: err == nil, Waiting: waiting, Window: most}
	}
	st := State{Known: true, Lasts: true, Waiting: waiting, Window: int(info.Snd_wnd)}
	switch info.State {
	case tcpFinWait1, tcpLastAck, tcpClosing:
		st.Waiting = max(0, st.Waiting-1) // the FIN
	case tcpClose:
		st.Over = true
		st.Unsent = min(int(info.Notsent_bytes), waiting)
	}
	return st
}

// Probe has the system ask the peer's for its window each second in which nothing is
// sent or received, for as long as c lives.
func Probe(c syscall.Conn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		for option, value := range map[int]int{unix.TCP_KEEPIDLE: 1, unix.TCP_KEEPINTVL: 1, unix.TCP_KEEPCNT: 127} {
			if unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, option, value) != nil {
				return // no TCP
			}
		}
		unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	})
}
