//go:build race

package serve_test

// raceEnabled: every read of memory costs many times what it does otherwise.
const raceEnabled = true
