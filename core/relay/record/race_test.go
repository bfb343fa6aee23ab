//go:build race

package record

// raceEnabled: the race detector allocates, too.
const raceEnabled = true
