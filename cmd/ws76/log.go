package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	relayformat "github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/plugins/record"
	"github.com/ws76/ws76/scripts"
)

// levelTrace shows every frame; -vvv.
const levelTrace = slog.LevelDebug - 4

// logger is what a command says on standard error: lines that begin with "ws76:",
// or JSON objects. It is safe for concurrent use.
type logger struct {
	mu    sync.Mutex
	w     io.Writer
	level slog.Level
	json  *slog.Logger

	passwords []string                         // under mu
	hidden    atomic.Pointer[strings.Replacer] // nil: there are none
}

func newLogger(w io.Writer) *logger { return &logger{w: w, level: slog.LevelWarn} }

// configure takes the level and the form from the common flags of a command.
func (l *logger) configure(c *cli.Context) error {
	l.level = slog.LevelWarn
	switch n := c.Count("verbose"); {
	case c.Bool("quiet"):
		l.level = slog.LevelError
	case n == 1:
		l.level = slog.LevelInfo
	case n == 2:
		l.level = slog.LevelDebug
	case n > 2:
		l.level = levelTrace
	}
	if c.String("log-format") == "json" {
		l.json = slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: l.level}))
	}
	return nil
}

func (l *logger) enabled(level slog.Level) bool { return level >= l.level }

// Errorf is always shown.
func (l *logger) Errorf(format string, args ...any) { l.log(slog.LevelError, format, args) }

// Warnf is shown unless -q is given.
func (l *logger) Warnf(format string, args ...any) { l.log(slog.LevelWarn, format, args) }

// Infof is shown with -v.
func (l *logger) Infof(format string, args ...any) { l.log(slog.LevelInfo, format, args) }

// Debugf is shown with -vv.
func (l *logger) Debugf(format string, args ...any) { l.log(slog.LevelDebug, format, args) }

// Tracef is shown with -vvv.
func (l *logger) Tracef(format string, args ...any) { l.log(levelTrace, format, args) }

func (l *logger) log(level slog.Level, format string, args []any) {
	if !l.enabled(level) {
		return
	}
	text := string(relayformat.AppendEscaped(nil, fmt.Appendf(nil, format, foreign(level, args)...)))
	if hidden := l.hidden.Load(); hidden != nil && level > levelTrace {
		text = hidden.Replace(text)
	}
	if l.json != nil {
		l.json.Log(context.Background(), level, text)
		return
	}
	fmt.Fprintf(l, "ws76: %s\n", text)
}

// own is text of ours in a log line, which may have several.
type own string

// Most of a line that others may write, in bytes, with all its escapes: enough for what
// matters, and for what is shown of handshakes and frames.
const (
	maxForeign      = 1 << 10
	maxForeignDebug = 16 << 10
)

// foreign returns the arguments of a log line as what others may have written: no caller
// has to know which ones are. They stay in the line and leave nothing to be steered with.
func foreign(level slog.Level, args []any) []any {
	room := maxForeign
	if level <= slog.LevelDebug {
		room = maxForeignDebug
	}
	safe := make([]any, len(args))
	for i, arg := range args {
		switch arg.(type) {
		case own, bool, int, int64, uint16, uint64, byte, float64, time.Duration:
			safe[i] = arg
		default:
			safe[i] = foreignArg{arg, &room}
		}
	}
	return safe
}

// foreignArg is one of them; they share their room.
type foreignArg struct {
	arg  any
	room *int
}

// Format is fmt.Formatter's.
func (f foreignArg) Format(s fmt.State, verb rune) {
	text := fmt.Appendf(nil, fmt.FormatString(s, verb), f.arg)
	if hasLines(f.arg) {
		text = appendLines(nil, text)
	} else {
		text = relayformat.AppendEscapedLine(nil, text)
	}
	if most := *f.room; len(text) > most {
		for most > 0 && !utf8.RuneStart(text[most]) {
			most--
		}
		text = fmt.Appendf(text[:most:most], "… (%d bytes more)", len(text)-most)
	}
	*f.room = max(0, *f.room-len(text))
	s.Write(text)
}

// lines is text of others that may have several, such as what a script prints.
type lines string

// hasLines reports whether what is in a log line has several by itself.
func hasLines(arg any) bool {
	switch arg := arg.(type) {
	case lines:
		return true
	case error:
		return is[*record.Difference](arg) || is[*scripts.Error](arg) || is[*scripts.LoadError](arg)
	}
	return false
}

// appendLines escapes a text of several lines. None but the first can be taken for one of
// the log: they are indented.
func appendLines(dst, text []byte) []byte {
	for i, line := range bytes.Split(text, []byte("\n")) {
		if i > 0 {
			dst = append(dst, '\n')
			if bytes.IndexAny(line, "\t ") != 0 && !bytes.HasPrefix(line, []byte("stack traceback:")) {
				dst = append(dst, "  "...)
			}
		}
		dst = relayformat.AppendEscaped(dst, line)
	}
	return dst
}

// Write writes a line as it is.
func (l *logger) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(line)
}

// redirect lets w have the lines until undo is called.
func (l *logger) redirect(w io.Writer) (undo func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.w
	l.w = w
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.w = before
	}
}
