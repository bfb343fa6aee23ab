package serial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"

	"go.bug.st/serial"

	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/pipe"
)

// ErrBusy is wrapped by the error of OpenPort where the port is open already, in this process or another.
var ErrBusy = errors.New("the port is in use")

// Port is an open serial port as a net.Conn, for one who reads and any number who write. There is no end of the stream
// on a serial line: where the device is unplugged, or the other side of a pseudo-terminal closed, Read and Write give
// transports.ErrGone. Bytes that a line damages, or drops because nobody reads fast enough, are missing without a word.
type Port struct {
	net.Conn
	config  Config
	control serial.Port
	system  system
}

// OpenPort opens a port, for itself alone. What its device has sent already is
// kept, to be read. The error is a *transports.DialError.
func OpenPort(ctx context.Context, c Config) (*Port, error) {
	fail := func(err error) (*Port, error) {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return nil, &transports.DialError{Transport: "serial", Addr: c.Path, Local: true, Hint: hint(err), Err: err}
	}
	if err := c.check(); err != nil {
		return fail(err)
	}
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	p := &Port{config: c}
	if err := p.open(pipe.Addr{Net: "serial", Name: c.Path}); err != nil {
		return fail(err)
	}
	return p, nil
}

// Config returns how the port is set up.
func (p *Port) Config() Config { return p.config }

// Read reads what has arrived, at least a byte.
func (p *Port) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	return n, p.named("read", err)
}

// Write hands b to the driver, whose buffer it waits for.
func (p *Port) Write(b []byte) (int, error) {
	n, err := p.Conn.Write(b)
	return n, p.named("write", err)
}

// Doubt is what Ports and what runs over them say where they have no flow control: whoever
// makes sense of the bytes adds it to an error.
const Doubt = "bytes may have been lost on the serial line, which has no flow control; flow=rtscts or a lower rate helps"

// Doubt says how bytes may have been lost, "" where the line has flow control.
func (p *Port) Doubt() string {
	if p.config.Flow == "rtscts" {
		return ""
	}
	return Doubt
}

// Unsent returns how many bytes that were written have not left, as far as the system knows.
func (p *Port) Unsent() int {
	if c, ok := p.Conn.(interface{ Unsent() int }); ok {
		return c.Unsent()
	}
	return 0
}

// named finds the errors that mean that the device is gone.
func (p *Port) named(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case err == io.EOF:
		err = transports.ErrGone
	case gone(err):
		var is *net.OpError
		if errors.As(err, &is) {
			err = is.Err
		}
		err = fmt.Errorf("%w (%w)", transports.ErrGone, err)
	default:
		return err
	}
	return &net.OpError{Op: op, Net: "serial", Addr: p.RemoteAddr(), Err: err}
}

// SetBaud changes the rate at once, of what waits to be sent as well.
func (p *Port) SetBaud(baud int) error {
	c := p.config
	c.Baud = baud
	if err := c.check(); err != nil {
		return err
	}
	if err := p.control.SetMode(c.mode()); err != nil {
		return p.failed(fmt.Sprintf("setting %d baud", baud), err)
	}
	p.config = c
	return nil
}

// SetDTR sets the line DTR on or off.
func (p *Port) SetDTR(on bool) error { return p.failed("setting DTR", p.control.SetDTR(on)) }

// SetRTS sets the line RTS on or off.
func (p *Port) SetRTS(on bool) error { return p.failed("setting RTS", p.control.SetRTS(on)) }

// DiscardInput drops what has arrived and was not read.
func (p *Port) DiscardInput() error {
	return p.failed("discarding input", p.control.ResetInputBuffer())
}

func (p *Port) failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %s: %w", p.config.Path, what, err)
}

// hint says what would help against an error of OpenPort.
func hint(err error) string {
	var port *serial.PortError
	code := serial.PortErrorCode(-1)
	if errors.As(err, &port) {
		code = port.Code()
	}
	switch {
	case errors.Is(err, context.Canceled):
		return ""
	case errors.Is(err, fs.ErrNotExist) || code == serial.PortNotFound:
		ports := Ports()
		if len(ports) == 0 {
			return "this machine has no serial port: is the adapter plugged in?"
		}
		return "there are " + strings.Join(ports, ", ")
	case errors.Is(err, fs.ErrPermission) || code == serial.PermissionDenied:
		return "this user may not: be in the group that owns the device, most often dialout"
	case errors.Is(err, ErrBusy) || code == serial.PortBusy:
		return "another program has it open; end that first"
	case code == serial.InvalidSerialPort: // its text says what failed
		return "the port or this system cannot do that"
	}
	return ""
}
