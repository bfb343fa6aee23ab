//go:build unix

package lualib

import "golang.org/x/sys/unix"

// nonBlocking keeps the opening of a pipe from waiting for its other end.
const nonBlocking = unix.O_NONBLOCK
