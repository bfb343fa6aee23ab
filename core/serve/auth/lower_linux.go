package auth

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// checkNice is the priority, see nice(2), at which passwords are checked.
const checkNice = 10

// lowered runs f behind what else there is to do, in a thread that ends with it: who may make
// itself less important may not undo that.
func lowered(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		// Where it fails, since it is lower already for one, it is as before.
		unix.Setpriority(unix.PRIO_PROCESS, 0, checkNice)
		f()
	}()
	<-done
}
