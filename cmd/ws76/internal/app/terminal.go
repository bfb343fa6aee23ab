package app

import (
	"bytes"
	"io"
	"os"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/ws76/ws76/core/relay/format"
)

// display is a terminal as all of the program sees it: whatever is written there is
// escaped, so that nobody has to know what others have written. Only who steers the
// terminal, the line editor, asks for the file behind it. It is safe for concurrent use.
type display struct {
	file *os.File

	mu  sync.Mutex
	cut []byte // the beginning of a character whose end is yet to be written
}

// onDisplay returns what is to be written to in place of w.
func onDisplay(w io.Writer) io.Writer {
	if f, ok := w.(*os.File); ok && IsTerminal(f) {
		return &display{file: f}
	}
	return w
}

// Write writes p escaped.
func (s *display) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := append(s.cut, p...)
	whole := len(text) - cutRune(text)
	safe := make([]byte, 0, whole+whole/8)
	for line := range bytes.Lines(text[:whole]) {
		if own, ok := bytes.CutSuffix(line, []byte("\r\n")); ok {
			safe = append(format.AppendEscaped(safe, own), "\r\n"...)
			continue
		}
		safe = format.AppendEscaped(safe, line)
	}
	s.cut = bytes.Clone(text[whole:])
	if _, err := s.file.Write(safe); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes what is cut still: no character any more.
func (s *display) Flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.file.Write(format.AppendEscaped(nil, s.cut))
	s.cut = nil
}

// cutRune returns how many bytes at the end of p begin a character and are none.
func cutRune(p []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		if tail := p[len(p)-n:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				return n
			}
			break
		}
	}
	return 0
}

// FileOf returns the file behind a stream of the process, nil where there is none. What goes there is not escaped.
func FileOf(stream any) *os.File {
	switch s := stream.(type) {
	case *os.File:
		return s
	case *display:
		return s.file
	}
	return nil
}

// Behind is the stream itself: for a program of the user's that takes its place.
func Behind(w io.Writer) io.Writer {
	if s, ok := w.(*display); ok {
		return s.file
	}
	return w
}

// IsTerminal reports whether stream, a reader or a writer, is a terminal. On one
// nothing binary and no escape sequence of a peer may be written.
func IsTerminal(stream any) bool {
	f := FileOf(stream)
	return f != nil && term.IsTerminal(int(f.Fd()))
}

// RefuseBinary is an error if standard output is a terminal: what names the bytes that would be written there.
func (e *Env) RefuseBinary(what string) error {
	if IsTerminal(e.Stdout) {
		return Usagef("%s are bytes, not text: not written to a terminal; redirect them, or pipe them into xxd", what)
	}
	return nil
}
