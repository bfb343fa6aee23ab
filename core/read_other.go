//go:build !unix

package core

import "net"

// lender exists where sockets can be read without waiting.
type lender struct{}

func newLender(net.Conn) *lender { return nil }

// Read is never called.
func (*lender) Read() ([]byte, error) { panic("core: no lender") }
