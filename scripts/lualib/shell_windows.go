package lualib

import "os"

var shell = []string{"cmd", "/c"}

// status is what system returns of a program that has ended.
func status(s *os.ProcessState) int { return s.ExitCode() }
