package serial

import (
	"errors"

	"go.bug.st/serial"
	"golang.org/x/sys/windows"

	"github.com/ws76/ws76/transports/pipe"
)

// canFlow: the library switches flow control off and hides the handle.
const canFlow = false

type system struct{}

func (p *Port) open(addr pipe.Addr) (err error) {
	if p.control, err = serial.Open(p.config.Path, p.config.mode()); err != nil {
		return err
	}
	p.Conn = pipe.Pump(p.control, addr)
	return nil
}

func gone(err error) bool {
	return errors.Is(err, windows.ERROR_BAD_COMMAND) || errors.Is(err, windows.ERROR_GEN_FAILURE) ||
		errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_DEVICE_NOT_CONNECTED)
}
