package serial

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	getTermios = unix.TCGETS
	setTermios = unix.TCSETS
)

func flushOutput(fd int) error { return unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCOFLUSH) }

// Ports lists the serial ports of this machine. The library's list opens ports
// and sets them up anew to see whether they are real, even those in use.
func Ports() []string {
	devices, _ := filepath.Glob("/sys/class/tty/*/device")
	var ports []string
	for _, device := range devices {
		dir := filepath.Dir(device)
		// A UART of type 0 is a place for one that is not there.
		if kind, err := os.ReadFile(filepath.Join(dir, "type")); err == nil && strings.TrimSpace(string(kind)) == "0" {
			continue
		}
		ports = append(ports, "/dev/"+filepath.Base(dir))
	}
	return ports
}
