//go:build !linux && !darwin

package tcplimit

// boundUnsent does nothing: this system has no such bound.
func boundUnsent(int) {}
