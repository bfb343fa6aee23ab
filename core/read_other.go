//go:build !unix

package core

import "net"

func newSource(stream net.Conn) source { return &growing{stream: stream} }
