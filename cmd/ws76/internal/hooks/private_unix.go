//go:build unix

package hooks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// openPrivate opens a file for the user's own eyes to be appended to, while no other
// that was opened so is: no link is followed, and a FIFO has to have a reader.
func openPrivate(name string) (*os.File, error) {
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND | syscall.O_NONBLOCK
	// The names of descriptors are links, too; what they lead to is the caller's.
	if clean := filepath.Clean(name); !strings.HasPrefix(clean, "/dev/") && !strings.HasPrefix(clean, "/proc/") {
		flags |= syscall.O_NOFOLLOW
	}
	f, err := os.OpenFile(name, flags, 0o600)
	switch {
	case errors.Is(err, syscall.ENXIO):
		return nil, fmt.Errorf("%s: nobody reads this FIFO; start its reader first", name)
	case errors.Is(err, syscall.ELOOP):
		return nil, fmt.Errorf("%s is a link, which is not followed; name the file itself", name)
	case err != nil:
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return f, nil
	}
	if err := lock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: another process writes it: %w", name, err)
	}
	if err := f.Chmod(0o600); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// lock locks a file until it is closed, without waiting.
func lock(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var locked error
	err = raw.Control(func(fd uintptr) { locked = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB) })
	return errors.Join(err, locked)
}
