//go:build unix

package exec

import (
	"net"
	"os"

	"github.com/ws76/ws76/transports/pipe"
)

// connect makes the stream of the two pipes. The function ends it and returns the
// child's standard output, which is then to be drained.
func connect(out, in *os.File, addr pipe.Addr) (net.Conn, func() *os.File) {
	conn := pipe.New(out, in, addr)
	return conn, func() *os.File {
		conn.Release()
		in.Close()
		return out
	}
}
