//go:build unix

package fd

import (
	"errors"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ws76/ws76/transports/pipe"
)

// Of a descriptor that is something else.
var (
	errListens = errors.New("it is a listening socket, not a stream")
	errStream  = errors.New("it is no listening socket")
)

// take returns a file of the descriptor, whose number is free then. Those of standard input, output and error stay
// open: what is opened next would be taken for them.
func (t *Transport) take() (*os.File, error) {
	duplicate, err := unix.FcntlInt(uintptr(t.number), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	if t.number > 2 {
		unix.Close(t.number)
	} else {
		unix.CloseOnExec(t.number) // which says to check that it is taken
	}
	if err := unix.SetNonblock(duplicate, true); err != nil {
		unix.Close(duplicate)
		return nil, err
	}
	return os.NewFile(uintptr(duplicate), t.name()), nil
}

// check looks at what the descriptor is before it is touched.
func (t *Transport) check(listen bool) (isSocket bool, err error) {
	var stat unix.Stat_t
	if err := unix.Fstat(t.number, &stat); err != nil {
		return false, err
	}
	switch kind := uint32(stat.Mode) & unix.S_IFMT; {
	case kind == unix.S_IFSOCK:
		isSocket = true
	case listen:
		return false, errStream
	case kind == unix.S_IFIFO, kind == unix.S_IFCHR:
	default: // a regular file, or the runtime's own
		return false, errors.New("it is no socket, pipe or terminal")
	}
	if err := t.inherited(); err != nil || !isSocket {
		return isSocket, err
	}
	listens, err := unix.GetsockoptInt(t.number, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	switch {
	case err != nil:
		return true, err
	case listen && listens == 0:
		return true, errStream
	case !listen && listens != 0:
		return true, errListens
	}
	return true, nil
}

// inherited gives EBADF for a descriptor that this process has opened itself, as
// Go does all of them close-on-exec: its number was that of one taken before.
func (t *Transport) inherited() error {
	flags, err := unix.FcntlInt(uintptr(t.number), unix.F_GETFD, 0)
	if err == nil && flags&unix.FD_CLOEXEC != 0 {
		err = unix.EBADF
	}
	return err
}

func (t *Transport) stream() (net.Conn, error) {
	isSocket, err := t.check(false)
	if err != nil {
		return nil, err
	}
	file, err := t.take()
	if err != nil {
		return nil, err
	}
	if !isSocket {
		return pipe.New(file, file, pipe.Addr{Net: "fd", Name: t.name()}), nil
	}
	defer file.Close()
	return net.FileConn(file)
}

func (t *Transport) listener() (net.Listener, error) {
	if _, err := t.check(true); err != nil {
		return nil, err
	}
	file, err := t.take()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return net.FileListener(file)
}

// hint says what would help against an error of Dial or Listen.
func hint(err error) string {
	switch {
	case errors.Is(err, unix.EBADF):
		return "is it open in the process that starts ws76, and handed down? It can be used once"
	case errors.Is(err, errListens):
		return "listen on it"
	}
	return ""
}
