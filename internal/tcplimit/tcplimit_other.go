//go:build !linux && !darwin && !windows

package tcplimit

import "time"

const looks = false

// setTimeout does nothing: this system has its own time for that, of some minutes.
func setTimeout(int, time.Duration) {}

// Look does nothing on this system.
func Look(int, time.Duration) {}
