package app

import (
	"io"
	"os"

	"golang.org/x/sys/windows"

	"github.com/ws76/ws76/internal/lineedit"
)

// enableSequences makes a console obey control sequences, which is not its default.
func enableSequences(out *os.File) (undo func(), err error) {
	handle := windows.Handle(out.Fd())
	var mode uint32
	if err := windows.GetConsoleMode(handle, &mode); err != nil {
		return nil, err
	}
	if err := windows.SetConsoleMode(handle, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING); err != nil {
		return nil, err
	}
	return func() { windows.SetConsoleMode(handle, mode) }, nil
}

// WatchTerminal has no signals to wait for here: the size of the terminal is looked at with each update.
func WatchTerminal(chan<- os.Signal) {}

// IsContinue reports nothing: no process is stopped here.
func IsContinue(os.Signal) bool { return false }

// Raise does nothing: there is no job to stop.
func Raise(lineedit.Kind) {}

// Cancellable knows no way to end the read of a console.
func Cancellable(f *os.File) (r io.Reader, cancel func() bool, release func()) {
	return f, func() bool { return false }, func() {}
}
