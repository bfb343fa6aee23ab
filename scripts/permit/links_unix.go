//go:build unix

package permit

import (
	"io/fs"
	"os"
	"syscall"
)

// links is how many names a file has: hard links.
func links(_ *os.File, info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Nlink)
	}
	return 1
}
