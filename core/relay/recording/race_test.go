//go:build race

package recording_test

// raceEnabled: the race detector allocates, too.
const raceEnabled = true
