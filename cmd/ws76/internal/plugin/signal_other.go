//go:build !unix

package plugin

import "syscall"

// signalNumber is the signal that ended a process; there are none here.
func signalNumber(syscall.WaitStatus) int { return 0 }
