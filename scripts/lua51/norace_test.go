//go:build !race

package lua51

const raceEnabled = false
