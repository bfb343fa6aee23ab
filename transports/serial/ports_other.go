//go:build !linux

package serial

import "go.bug.st/serial"

// Ports lists the serial ports of this machine.
func Ports() []string {
	ports, _ := serial.GetPortsList()
	return ports
}
