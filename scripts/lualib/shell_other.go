//go:build !windows

package lualib

import (
	"os"
	"syscall"
)

var shell = []string{"/bin/sh", "-c"}

// status is what system(3) returns of a program that has ended.
func status(s *os.ProcessState) int {
	if w, ok := s.Sys().(syscall.WaitStatus); ok {
		return int(w)
	}
	return s.ExitCode()
}
