//go:build !linux

package outq

import "syscall"

// Ask returns that nothing is known.
func Ask(syscall.Conn) State { return State{} }

// Probe does nothing.
func Probe(syscall.Conn) {}

// AskFD is Ask for a descriptor.
func AskFD(int) State { return State{} }
