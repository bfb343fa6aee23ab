package exec

import (
	"net"
	"os"

	"github.com/ws76/ws76/transports/pipe"
)

// connect makes the stream of the two pipes, whose calls cannot be ended on
// Windows. There is nothing to drain: a read that waits goes on until the child ends.
func connect(out, in *os.File, addr pipe.Addr) (net.Conn, func() *os.File) {
	conn := pipe.Pump(files{out, in}, addr)
	return conn, func() *os.File {
		conn.Close()
		return nil
	}
}

type files struct{ out, in *os.File }

func (f files) Read(p []byte) (int, error)  { return f.out.Read(p) }
func (f files) Write(p []byte) (int, error) { return f.in.Write(p) }
func (f files) CloseWrite() error           { return f.in.Close() }
func (f files) Close() error {
	f.in.Close()
	return f.out.Close()
}
