//go:build !windows

package lualib

var shell = []string{"/bin/sh", "-c"}
