//go:build darwin || (linux && !ppc64 && !ppc64le)

package module

import (
	"os"
	"syscall"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// PTY is the module's side of a pseudo-terminal.
type PTY struct {
	*os.File
	Path string // what the host opens

	// host is kept open: else reading would fail whenever the host has it closed.
	host *os.File
}

func openPTY() (*PTY, error) {
	control, host, err := pty.Open()
	if err != nil {
		return nil, err
	}
	defer control.Close()
	path := host.Name()
	if _, err := term.MakeRaw(int(host.Fd())); err != nil {
		host.Close()
		return nil, err
	}
	// The library leaves the descriptor blocking; deadlines need it otherwise.
	fd, err := syscall.Dup(int(control.Fd()))
	if err == nil {
		unix.CloseOnExec(fd)
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		host.Close()
		return nil, err
	}
	return &PTY{File: os.NewFile(uintptr(fd), path), Path: path, host: host}, nil
}

// Close closes both sides; a host that has the terminal open gets an error.
func (p *PTY) Close() error {
	p.host.Close()
	return p.File.Close()
}

// Rate returns the rate to which the host has set its side, 0 when it has not.
func (p *PTY) Rate() int {
	rate := 0
	raw, err := p.SyscallConn()
	if err != nil {
		return 0
	}
	raw.Control(func(fd uintptr) {
		if t, err := unix.IoctlGetTermios(int(fd), getTermios); err == nil {
			rate = int(t.Ospeed)
		}
	})
	if rate == untouched {
		return 0
	}
	return rate
}
