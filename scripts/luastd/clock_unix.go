//go:build unix

package luastd

import (
	"time"

	"golang.org/x/sys/unix"
)

// processorTime is how long the process has had a processor.
func processorTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
