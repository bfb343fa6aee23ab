//go:build !unix

package fd

import (
	"errors"
	"net"
)

var errNone = errors.New("descriptors cannot be handed down on this system")

func (t *Transport) stream() (net.Conn, error) { return nil, errNone }

func (t *Transport) listener() (net.Listener, error) { return nil, errNone }

func hint(error) string { return "" }
