//go:build race

package core_test

// raceEnabled: sync.Pool drops a part of what it is given, so allocations cannot
// be counted.
const raceEnabled = true
