package wifly

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"

	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/serial"
)

// DefaultBaud is the rate of a module as it comes from the factory.
const DefaultBaud = 9600

// Entry is what the registry knows of this transport.
var Entry = transports.Entry{
	Scheme: scheme,
	Summary: "TCP over the RN-131 WiFly module at a serial port; baud=9600 is the default, baud=auto tries the usual rates, dns=local " +
		"resolves names here, not on the module, localport=N is where it listens; data, parity, stop and flow as for serial:",
	Example: "wifly:///dev/ttyUSB0?baud=9600",
	Open: func(u *url.URL, o transports.Options) (transports.Transport, error) {
		return Open(u, o)
	},
}

// Open makes the transport of a wifly: URL: the path of a serial port as for
// serial:, baud=N or baud=auto, dns=local or dns=module (the default), localport=N.
func Open(u *url.URL, o transports.Options) (*Transport, error) {
	port, err := serial.ParseConfig(u, "baud", "dns", "localport")
	if err != nil {
		return nil, err
	}
	query := u.Query()
	c := Config{Name: port.Path, Baud: DefaultBaud, Flow: port.Flow == "rtscts", Resolve: o.Resolve}
	if text := query.Get("baud"); text == "auto" {
		c.Baud = 0
	} else if query.Has("baud") {
		if c.Baud, err = strconv.Atoi(text); err != nil || c.Baud < 1200 || c.Baud > 921600 {
			return nil, fmt.Errorf("baud %q: want auto, or a rate from 1200 to 921600", text)
		}
	}
	if text := query.Get("localport"); query.Has("localport") {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return nil, fmt.Errorf("localport %q: want a port, 1 to 65535", text)
		}
		c.LocalPort = int(n)
	}
	switch where := query.Get("dns"); where {
	case "", "module":
	case "local":
		c.LocalDNS = true
	default:
		return nil, fmt.Errorf("dns %q: want module or local", where)
	}
	c.Open = func(ctx context.Context, baud int) (net.Conn, error) {
		port := port
		port.Baud = baud
		conn, err := serial.OpenPort(ctx, port)
		if err == nil {
			return conn, nil
		}
		if errors.Is(err, serial.ErrBusy) {
			return nil, &Error{Kind: ErrBusy, Doing: "open " + port.Path, Err: serial.ErrBusy, Hint: "another program has the port open"}
		}
		return nil, err
	}
	return New(c), nil
}
