package module

import "golang.org/x/sys/unix"

func setRate(fd int, attr *unix.Termios, rate uint32) error {
	attr.Cflag = attr.Cflag&^unix.CBAUD | unix.BOTHER
	attr.Ispeed, attr.Ospeed = rate, rate
	return unix.IoctlSetTermios(fd, unix.TCSETS2, attr)
}
