//go:build !linux && !darwin

package unsent

// Bound does nothing: this system has no such bound.
func Bound(int) {}
