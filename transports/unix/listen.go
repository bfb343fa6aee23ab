package unix

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/ws76/ws76/transports"
)

// listenFile binds a socket file. From the look at what is there to the socket
// that listens, the directory is locked: else two processes that start at once
// could both find a dead socket, and the slower one remove the live socket of the faster.
func listenFile(ctx context.Context, path string) (net.Listener, error) {
	unlock, err := lockDir(ctx, filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	ul := l.(*net.UnixListener)
	info, err := os.Lstat(path)
	if err != nil {
		ul.Close()
		return nil, err
	}
	ul.SetUnlinkOnClose(false)
	return &listener{UnixListener: ul, path: path, info: info}, nil
}

// errInUse says that a live process has the socket.
var errInUse = errors.New("the socket is in use: a process listens on it")

// removeStale removes the socket file that a dead process left at path.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("there is a file that is no socket (%s); remove it or choose another path", info.Mode())
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", path)
	if err == nil {
		conn.Close()
		return errInUse
	}
	// Anything but a refusal may come from a live process: a full queue, a socket of another user, a time-out.
	if !transports.Refused(err) {
		return fmt.Errorf("there is a socket, and whether a process listens on it cannot be told: %w", err)
	}
	return os.Remove(path)
}

// listener removes its socket file when it is closed, if it still is its own.
type listener struct {
	*net.UnixListener
	path string
	info fs.FileInfo

	once sync.Once
	err  error
}

// Close stops listening and removes the socket file.
func (l *listener) Close() error {
	l.once.Do(func() {
		// First the file, then the socket: the other way round, a process that
		// starts meanwhile could find a dead socket, replace it, and lose its own.
		if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.info) {
			l.err = os.Remove(l.path)
		}
		if err := l.UnixListener.Close(); err != nil {
			l.err = err
		}
	})
	return l.err
}
