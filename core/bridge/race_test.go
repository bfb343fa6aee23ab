//go:build race

package bridge_test

// raceEnabled: sync.Pool drops a part of what it is given, so allocations cannot
// be counted.
const raceEnabled = true
