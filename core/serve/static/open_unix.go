//go:build unix

package static

import "syscall"

// nonblock makes an open return at once whatever it is that is opened.
const nonblock = syscall.O_NONBLOCK
