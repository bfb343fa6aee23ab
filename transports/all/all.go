// Package all is the one list of the transports that ws76 has.
package all

import (
	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/exec"
	"github.com/ws76/ws76/transports/fd"
	"github.com/ws76/ws76/transports/proxy"
	"github.com/ws76/ws76/transports/serial"
	"github.com/ws76/ws76/transports/stdio"
	"github.com/ws76/ws76/transports/tcp"
	"github.com/ws76/ws76/transports/tls"
	"github.com/ws76/ws76/transports/unix"
	"github.com/ws76/ws76/transports/wifly"
)

// Transports returns a registry of all transports, in the order in which help
// shows them. It is the caller's, who may register more.
func Transports() *transports.Registry {
	r := new(transports.Registry)
	r.Register(tcp.Entry)
	r.Register(tls.Entry)
	r.Register(unix.Entry)
	r.Register(serial.Entry)
	r.Register(wifly.Entry)
	for _, e := range proxy.Entries {
		r.Register(e)
	}
	r.Register(exec.Entry)
	r.Register(stdio.Entry)
	r.Register(fd.Entry)
	return r
}
