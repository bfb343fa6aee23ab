//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package unix

import "context"

// lockDir does nothing where directories cannot be locked: two processes must
// not start on the same dead socket at the same moment.
func lockDir(context.Context, string) (unlock func(), err error) {
	return func() {}, nil
}
