package serve

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ws76/ws76/internal/accept"
	"github.com/ws76/ws76/internal/tcplimit"
)

// loopListener is a listener that a loop accepts from.
type loopListener struct {
	fd     int
	addr   net.Addr
	failed func(error) // tells Serve
	events uint32      // of epoll
	paused int64       // until when, after a failure; 0: listening
	fails  accept.Failing
	unix   bool
}

// listen takes connections of nl from now on. It has a descriptor of its own, so nl may be closed.
func (l *loop) listen(nl net.Listener, shared bool, failed func(error)) error {
	fd, err := duplicate(nl.(syscall.Conn))
	if err != nil {
		return err
	}
	if nl.Addr().Network() != "unix" {
		// What net.TCPListener sets on each connection Linux hands down from here.
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		setKeepAlive(fd, nl)
	}
	events := uint32(unix.EPOLLIN)
	if shared {
		events |= unix.EPOLLEXCLUSIVE
	}
	if err := l.control(l.ep, unix.EPOLL_CTL_ADD, fd, events); err != nil {
		unix.Close(fd)
		return os.NewSyscallError("epoll_ctl", err)
	}
	l.listeners = append(l.listeners, &loopListener{fd: fd, events: events, addr: nl.Addr(), failed: failed, unix: nl.Addr().Network() == "unix"})
	return nil
}

// setKeepAlive has quiet peers of what nl accepts probed as often as nl says, or package net does it.
func setKeepAlive(fd int, nl net.Listener) {
	every := 15 * time.Second
	if l, ok := nl.(interface{ KeepAlive() time.Duration }); ok && l.KeepAlive() != 0 {
		every = l.KeepAlive()
	}
	if every < 0 {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0)
		return
	}
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	seconds := int((every + time.Second - 1) / time.Second)
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, seconds)
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, seconds)
}

func duplicate(c syscall.Conn) (fd int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	cerr := raw.Control(func(old uintptr) {
		fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0)
		err = os.NewSyscallError("fcntl", err)
	})
	return fd, errors.Join(cerr, err)
}

// accept takes a connection that waits at the listener with descriptor fd.
func (l *loop) accept(fd int) {
	for _, li := range l.listeners {
		if li.fd == fd {
			l.acceptFrom(li)
			return
		}
	}
}

// acceptFrom takes one connection. Most come alone, and to ask for another that is not there costs as much as half of
// their handshake; what waits still is reported again.
func (l *loop) acceptFrom(li *loopListener) {
	var addr unix.RawSockaddrAny
	size := uint32(unsafe.Sizeof(addr))
	fd, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(li.fd), uintptr(unsafe.Pointer(&addr)), uintptr(unsafe.Pointer(&size)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	switch {
	case errno == 0:
		li.fails.Passed()
		l.accepted(li, int(fd), &addr)
	case errno == unix.EAGAIN, errno == unix.EINTR, errno == unix.ECONNABORTED:
	case accept.Passes(errno):
		pause, said := li.fails.Again(os.NewSyscallError("accept", errno))
		if said != nil {
			l.server.refused(li.addr, said)
		}
		unix.EpollCtl(l.ep, unix.EPOLL_CTL_DEL, li.fd, nil)
		li.paused = l.now() + int64(pause)
		l.timed++
	default:
		unix.EpollCtl(l.ep, unix.EPOLL_CTL_DEL, li.fd, nil)
		li.failed(&accept.Ended{Addr: li.addr, Err: os.NewSyscallError("accept", errno)})
	}
}

func (l *loop) accepted(li *loopListener, fd int, addr *unix.RawSockaddrAny) {
	p := &Peer{by: &l.host, fd: int32(fd), set: &nothingSet}
	p.setRemote(addr)
	if li.unix {
		p.ensureMore().transport = "unix"
	} else {
		// A listener of Multipath TCP, as Go's are, does not hand these down.
		tcplimit.Set(fd, l.server.deadAfter())
	}
	admitted := l.server.admit()
	if !admitted {
		l.server.refused(p.RemoteAddr(), l.server.tooMany())
		if l.turned >= maxTurned {
			unix.Close(fd)
			return
		}
	}
	if err := l.add(p); err != nil {
		l.server.refused(p.RemoteAddr(), fmt.Errorf("accepting: %w", err))
		unix.Close(fd)
		if admitted {
			l.server.leave()
		}
		return
	}
	if admitted {
		l.setDeadline(p, l.server.handshakeTimeout())
		return
	}
	l.turned++
	p.state = stateTurned
	l.writeFD(p.fd, []byte(overloaded))
	l.linger(p, time.Second)
}

var nothingSet Settings // of connections that are not open

// setRemote keeps the address that accept gave.
func (p *Peer) setRemote(a *unix.RawSockaddrAny) {
	switch a.Addr.Family {
	case unix.AF_INET:
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(a))
		p.ip, p.port = in.Addr, bigEndian(&in.Port)
	case unix.AF_INET6:
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(a))
		addr := netip.AddrFrom16(in.Addr)
		if addr.Is4In6() {
			p.ip, p.port = addr.As4(), bigEndian(&in.Port)
			return
		}
		remote := &net.TCPAddr{IP: addr.AsSlice(), Port: int(bigEndian(&in.Port))}
		if in.Scope_id != 0 {
			remote.Zone = fmt.Sprint(in.Scope_id)
			if ifi, err := net.InterfaceByIndex(int(in.Scope_id)); err == nil {
				remote.Zone = ifi.Name
			}
		}
		p.ensureMore().remote = remote
	default:
		p.ensureMore().remote = &net.UnixAddr{Net: "unix"} // clients seldom have a name
	}
}

func bigEndian(port *uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(port))[:])
}
