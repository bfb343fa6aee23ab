package auth

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// What is lowered does not stay so for others.
func TestLowered(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	nice := func() int { // of this thread, where the system call counts from 20 down
		n, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
		if err != nil {
			t.Error(err)
		}
		return 20 - n
	}
	before, within := nice(), 0
	lowered(func() { within = nice() })
	if after := nice(); within != max(before, checkNice) || after != before {
		t.Errorf("nice %d, within %d, after %d", before, within, after)
	}
}
