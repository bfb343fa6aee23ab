//go:build !unix

package main

import "os"

// createPrivate opens a file for the user's own eyes to be written anew.
func createPrivate(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}
