//go:build !linux

package outq

import "syscall"

// Of returns 0: it is not known.
func Of(syscall.Conn) int { return 0 }
