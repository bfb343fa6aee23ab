//go:build unix

package plugin

import "syscall"

// signalNumber is the signal that ended a process.
func signalNumber(status syscall.WaitStatus) int { return int(status.Signal()) }
