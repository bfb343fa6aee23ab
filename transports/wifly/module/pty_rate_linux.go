//go:build linux && !ppc64 && !ppc64le

package module

import "golang.org/x/sys/unix"

// getTermios gives the rate as a number, which the older request does not.
const getTermios = unix.TCGETS2
