package module

import "golang.org/x/sys/unix"

func setRate(fd int, attr *unix.Termios, rate uint32) error {
	attr.Ispeed, attr.Ospeed = uint64(rate), uint64(rate)
	return unix.IoctlSetTermios(fd, unix.TIOCSETA, attr)
}
