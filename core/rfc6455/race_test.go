//go:build race

package rfc6455

// raceEnabled: sync.Pool drops a part of what it is given, so allocations cannot
// be counted.
const raceEnabled = true
