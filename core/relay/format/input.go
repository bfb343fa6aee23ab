package format

import (
	"io"
	"os"
	"time"

	"github.com/ws76/ws76/internal/deadline"
)

// input is a reader whose reads can be ended from outside, where that is possible.
type input struct {
	io.Reader
	// immediate: a read never waits for anybody, as of a regular file.
	immediate bool
	// interrupt makes the read at hand and all later ones return, and reports
	// whether it can.
	interrupt func() bool
	// release frees what interrupt needed, after the last read.
	release func()
}

func newInput(r io.Reader) input {
	in := input{Reader: r, interrupt: func() bool { return false }, release: func() {}}
	if f, ok := r.(*os.File); ok {
		if neverWaits(f) {
			in.immediate = true
			return in
		}
		// Deadlines of a file are no help: once somebody has asked for its
		// descriptor they may be set and are not obeyed.
		if c, ok := cancellable(f); ok {
			in.Reader = c
			in.interrupt = c.Cancel
			in.release = func() { c.Close() }
			return in
		}
	}
	if d, ok := r.(interface{ SetReadDeadline(time.Time) error }); ok && d.SetReadDeadline(time.Time{}) == nil {
		in.interrupt = func() bool { return d.SetReadDeadline(deadline.Past) == nil }
		in.release = func() { d.SetReadDeadline(time.Time{}) }
	}
	return in
}

// neverWaits reports whether f is a regular file or the null device.
func neverWaits(f *os.File) bool {
	fi, err := f.Stat()
	if err != nil {
		return false
	}
	if fi.Mode().IsRegular() {
		return true
	}
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(fi, null)
}
