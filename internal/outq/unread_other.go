//go:build !unix

package outq

import "syscall"

// Unread returns false: it is not known.
func Unread(syscall.Conn) bool { return false }
