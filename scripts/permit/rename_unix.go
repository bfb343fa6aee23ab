//go:build unix

package permit

import (
	"os"

	"golang.org/x/sys/unix"
)

// rename renames what is in a folder to what is in another.
func rename(source *os.Root, old string, target *os.Root, name string) error {
	from, err := source.Open(".")
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := target.Open(".")
	if err != nil {
		return err
	}
	defer to.Close()
	return unix.Renameat(int(from.Fd()), old, int(to.Fd()), name)
}
