package exec

import (
	"bytes"
	"strings"
	"sync"
)

// maxLine is the longest piece of a line that a LineWriter keeps, in bytes.
const maxLine = 8 << 10

// LineWriter calls a function for each line that is written to it. It may be
// used from several goroutines; the function is called from one at a time.
type LineWriter struct {
	mu   sync.Mutex
	f    func(line string)
	rest []byte
}

// Lines returns a LineWriter that calls f, for a Command's Stderr. Lines come without their end; what is longer than 8
// KiB comes in pieces. The last one, if it has no end, comes when the child has ended.
func Lines(f func(line string)) *LineWriter { return &LineWriter{f: f} }

// Write takes bytes; it never fails.
func (l *LineWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		take := min(maxLine-len(l.rest), len(p))
		switch {
		case end >= 0 && end <= take:
			l.emit(p[:end])
			p = p[end+1:]
		case take < len(p):
			l.emit(p[:take])
			p = p[take:]
		default:
			l.rest = append(l.rest, p...)
			p = nil
		}
	}
	return n, nil
}

// Flush hands out a line that has no end yet.
func (l *LineWriter) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rest) > 0 {
		l.emit(nil)
	}
}

func (l *LineWriter) emit(end []byte) {
	line := string(append(l.rest, end...))
	l.rest = l.rest[:0]
	l.f(strings.TrimSuffix(line, "\r"))
}
