package module

import "fmt"

// untouched is the rate of a pseudo-terminal that nobody has set: the kernel's.
const untouched = 38400

// OpenPTY makes a pseudo-terminal for a module to be served on, raw and without
// echo. The host opens its Path like a serial port; flow control is the terminal's
// buffer being full. On systems without it the error wraps errors.ErrUnsupported.
func OpenPTY() (*PTY, error) {
	p, err := openPTY()
	if err != nil {
		return nil, fmt.Errorf("opening a pseudo-terminal: %w", err)
	}
	return p, nil
}
