//go:build !unix

package permit

import (
	"os"
	"path/filepath"
)

// rename renames what is in a folder to what is in another; by name, where the system has nothing better.
func rename(source *os.Root, old string, target *os.Root, name string) error {
	return os.Rename(filepath.Join(source.Name(), old), filepath.Join(target.Name(), name))
}
