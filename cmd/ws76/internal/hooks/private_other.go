//go:build !unix

package hooks

import "os"

// openPrivate opens a file for the user's own eyes to be appended to.
func openPrivate(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
}
