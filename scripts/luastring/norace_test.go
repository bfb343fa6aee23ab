//go:build !race

package luastring

const raceEnabled = false
