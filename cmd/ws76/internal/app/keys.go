package app

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// Terminal is the terminal that keys are read from one by one, between Enter and Leave.
// The zero value is none. It is safe for concurrent use.
type Terminal struct {
	mu     sync.Mutex
	in     *os.File
	out    *os.File
	before *term.State // nil: as it was found
	undo   func()      // of enableSequences
}

// Enter takes the terminal into raw mode and asks it to mark what is pasted.
func (t *Terminal) Enter(in, out *os.File) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.before != nil {
		return nil
	}
	undo, err := enableSequences(out)
	if err != nil {
		return fmt.Errorf("preparing the terminal: %w; TERM=dumb does without", err)
	}
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		undo()
		return fmt.Errorf("preparing the terminal: %w; TERM=dumb does without", err)
	}
	t.in, t.out, t.before, t.undo = in, out, before, undo
	io.WriteString(out, "\x1b[?2004h")
	return nil
}

// Leave makes the terminal what it was before Enter.
func (t *Terminal) Leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.before == nil {
		return
	}
	term.Restore(int(t.in.Fd()), t.before) // first: a write may wait for ever
	t.before = nil
	io.WriteString(t.out, "\x1b[?2004l")
	t.undo()
}

// LeaveWithin is Leave for who cannot wait: a write to a terminal may last for ever.
func (t *Terminal) LeaveWithin(d time.Duration) { within(d, t.Leave) }

// Size returns columns and rows, 0 where they are not known.
func (t *Terminal) Size() (columns, rows int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.out == nil {
		return 0, 0
	}
	columns, rows, err := term.GetSize(int(t.out.Fd()))
	if err != nil {
		return 0, 0
	}
	return columns, rows
}

// within runs f, and leaves it behind after d.
func within(d time.Duration, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(d):
	}
}
