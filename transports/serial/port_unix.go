//go:build unix

package serial

import (
	"errors"
	"fmt"
	"os"
	"time"

	"go.bug.st/serial"
	"golang.org/x/sys/unix"

	"github.com/ws76/ws76/transports/pipe"
)

const canFlow = true

// drainWait is how long Close waits for output that makes no progress, as when
// the other side holds it up by flow control. The system itself would wait for 30 s.
const drainWait = time.Second

// system is the port's own descriptor. The library sets up the line but writes to
// it without end; the runtime can wait for this one with deadlines.
type system struct {
	file *os.File
	conn *pipe.Conn
}

func (p *Port) open(addr pipe.Addr) (err error) {
	file, err := os.OpenFile(p.config.Path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.EBUSY) {
		return ErrBusy
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	if err := control(file, lock); err != nil {
		return err
	}
	// This also takes the terminal for itself (TIOCEXCL), which keeps out those who do not look at locks.
	if p.control, err = serial.Open(p.config.Path, p.config.mode()); err != nil {
		return err
	}
	if p.config.Flow == "rtscts" {
		if err := control(file, setFlow); err != nil {
			p.control.Close()
			return fmt.Errorf("setting RTS/CTS flow control: %w", err)
		}
	}
	p.system = system{file, pipe.New(file, file, addr)}
	p.Conn = p.system.conn
	return nil
}

// control calls f with the descriptor, which stays as it is.
func control(file *os.File, f func(fd int) error) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var ferr error
	if err := raw.Control(func(fd uintptr) { ferr = f(int(fd)) }); err != nil {
		return err
	}
	return ferr
}

// lock takes the file for this process, even where it is the superuser's, whom TIOCEXCL does not keep out.
func lock(fd int) error {
	if _, err := unix.IoctlGetTermios(fd, getTermios); err != nil {
		return fmt.Errorf("it is no serial port: %w", err)
	}
	err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrBusy
	}
	return err
}

// setFlow switches RTS/CTS flow control on, which the library does not do.
func setFlow(fd int) error {
	t, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return err
	}
	t.Cflag |= unix.CRTSCTS
	if err := unix.IoctlSetTermios(fd, setTermios, t); err != nil {
		return err
	}
	// Drivers clear what they cannot do and do not say so.
	if t, err = unix.IoctlGetTermios(fd, getTermios); err == nil && t.Cflag&unix.CRTSCTS == 0 {
		err = errors.New("the driver does not do it")
	}
	return err
}

// Close ends waiting calls, lets what was written go out as long as it does, and closes the port.
func (p *Port) Close() error {
	if !p.system.conn.Release() {
		return nil
	}
	control(p.system.file, drain)
	p.control.Close() // the lock of the terminal
	return p.system.file.Close()
}

// drain waits for the driver's output and drops what does not leave.
func drain(fd int) error {
	last, since := -1, time.Now()
	for {
		left, err := unix.IoctlGetInt(fd, unix.TIOCOUTQ)
		if err != nil || left == 0 {
			return err
		}
		if left != last {
			last, since = left, time.Now()
		} else if time.Since(since) > drainWait {
			return flushOutput(fd)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func gone(err error) bool {
	return errors.Is(err, unix.EIO) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO)
}
