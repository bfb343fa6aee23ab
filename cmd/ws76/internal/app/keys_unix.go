//go:build unix

package app

import (
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/muesli/cancelreader"

	"github.com/ws76/ws76/internal/lineedit"
)

// enableSequences has nothing to do: terminals obey control sequences here.
func enableSequences(*os.File) (undo func(), err error) { return func() {}, nil }

// WatchTerminal sends to c when the size of the terminal has changed, and when the
// process goes on after it was stopped.
func WatchTerminal(c chan<- os.Signal) { signal.Notify(c, syscall.SIGWINCH, syscall.SIGCONT) }

// IsContinue reports whether a signal says that the process goes on after a stop.
func IsContinue(s os.Signal) bool { return s == syscall.SIGCONT }

// Raise does what ^Z and ^\ do to a job where the terminal makes signals of them.
func Raise(k lineedit.Kind) {
	switch k {
	case lineedit.Suspend:
		syscall.Kill(0, syscall.SIGTSTP)
	case lineedit.Quit:
		syscall.Kill(0, syscall.SIGQUIT)
	}
}

// Cancellable returns f with reads that cancel ends, as far as it reports true.
func Cancellable(f *os.File) (r io.Reader, cancel func() bool, release func()) {
	c, err := cancelreader.NewReader(f)
	if err != nil {
		return f, func() bool { return false }, func() {}
	}
	return c, c.Cancel, func() { c.Close() }
}
