//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package unix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lockWait bounds the wait for a process that has a directory locked: the
// lock is held for as long as it takes to bind a socket.
const lockWait = 5 * time.Second

// lockDir locks a directory against other calls of listenFile, here and in other processes. A directory can be locked
// without leaving a file behind. Where it cannot be opened for reading there is no lock, but binding may yet work.
func lockDir(ctx context.Context, dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if errors.Is(err, os.ErrPermission) {
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil, errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.ENOLCK):
			return func() { f.Close() }, nil // closing unlocks
		case errors.Is(err, syscall.EINTR):
			continue
		case !errors.Is(err, syscall.EWOULDBLOCK):
			f.Close()
			return nil, fmt.Errorf("lock directory %q: %w", dir, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("lock directory %q, which another process holds: %w", dir, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}
