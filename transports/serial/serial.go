// Package serial is the transport of serial lines: UARTs, USB adapters, and pseudo-terminals in their place. A line
// leads to one peer, so the address that is asked for does not matter.
package serial

import (
	"context"
	"net"
	"net/url"

	"github.com/ws76/ws76/transports"
)

// Entry is what the registry knows of this transport.
var Entry = transports.Entry{
	Scheme: "serial",
	Summary: "a serial line, whatever the address asked for, on Windows serial:COM3; ?baud=115200&data=8&parity=none&stop=1&flow=none " +
		"are the defaults, flow=rtscts, dtr=off and rts=off what else there is",
	Example: "serial:///dev/ttyUSB0?baud=115200",
	Open: func(u *url.URL, _ transports.Options) (transports.Transport, error) {
		return Open(u)
	},
}

// Transport opens one serial port. It implements transports.Transport and transports.Listener, and may be used from
// several goroutines; the port may be open once at a time.
type Transport struct{ config Config }

// Open makes the transport of a serial: URL; see ParseConfig.
func Open(u *url.URL) (*Transport, error) {
	config, err := ParseConfig(u)
	if err != nil {
		return nil, err
	}
	return &Transport{config}, nil
}

// Dial opens the port; addr, which says what to ask for over it, is ignored. The
// connection is a *Port and the error a *transports.DialError.
func (t *Transport) Dial(ctx context.Context, addr string) (net.Conn, error) {
	port, err := OpenPort(ctx, t.config)
	if err != nil {
		return nil, err
	}
	return port, nil
}

// Reaches is for transports.Reacher.
func (t *Transport) Reaches(string, bool) []transports.Reach {
	return []transports.Reach{{Kind: "serial", Target: t.config.Path}}
}
