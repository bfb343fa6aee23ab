// Package ahead gives back to a connection what was read from it already.
package ahead

import (
	"errors"
	"net"
)

// Conn is a connection of which some bytes have been read. It is for one reader at a time.
type Conn struct {
	net.Conn
	Bytes []byte // that were read; Read gives them first
}

// NetConn returns the connection under it.
func (c *Conn) NetConn() net.Conn { return c.Conn }

func (c *Conn) Read(p []byte) (int, error) {
	if len(c.Bytes) > 0 {
		n := copy(p, c.Bytes)
		c.Bytes = c.Bytes[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// CloseWrite ends the sending side, where the connection can.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
