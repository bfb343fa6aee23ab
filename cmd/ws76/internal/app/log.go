package app

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
)

// LevelTrace shows every frame; -vvv.
const LevelTrace = slog.LevelDebug - 4

// Logger is what a command says on standard error: lines that begin with "ws76:",
// or JSON objects. It is safe for concurrent use.
type Logger struct {
	mu    sync.Mutex
	w     io.Writer
	level slog.Level
	JSON  *slog.Logger // writes the lines as JSON; nil: they are text

	several func(error) bool // which errors are texts of several lines

	passwords []string                         // under mu
	hidden    atomic.Pointer[strings.Replacer] // nil: there are none
}

// NewLogger returns a log of warnings and errors.
func NewLogger(w io.Writer) *Logger { return &Logger{w: w, level: slog.LevelWarn} }

// configure takes the level and the form from the common flags of a command.
func (l *Logger) configure(c *cli.Context) error {
	l.level = slog.LevelWarn
	switch n := c.Count("verbose"); {
	case c.Bool("quiet"):
		l.level = slog.LevelError
	case n == 1:
		l.level = slog.LevelInfo
	case n == 2:
		l.level = slog.LevelDebug
	case n > 2:
		l.level = LevelTrace
	}
	if c.String("log-format") == "json" {
		l.JSON = slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: l.level}))
	}
	return nil
}

// Enabled reports whether lines of a level are shown.
func (l *Logger) Enabled(level slog.Level) bool { return level >= l.level }

// Errorf is always shown.
func (l *Logger) Errorf(format string, args ...any) { l.log(slog.LevelError, format, args) }

// Warnf is shown unless -q is given.
func (l *Logger) Warnf(format string, args ...any) { l.log(slog.LevelWarn, format, args) }

// Infof is shown with -v.
func (l *Logger) Infof(format string, args ...any) { l.log(slog.LevelInfo, format, args) }

// Debugf is shown with -vv.
func (l *Logger) Debugf(format string, args ...any) { l.log(slog.LevelDebug, format, args) }

// Tracef is shown with -vvv.
func (l *Logger) Tracef(format string, args ...any) { l.log(LevelTrace, format, args) }

// Logf is for a level that is not known before.
func (l *Logger) Logf(level slog.Level, format string, args ...any) { l.log(level, format, args) }

func (l *Logger) log(level slog.Level, format string, args []any) {
	if !l.Enabled(level) {
		return
	}
	text := string(relayformat.AppendEscaped(nil, fmt.Appendf(nil, format, l.Foreign(level, args)...)))
	if hidden := l.hidden.Load(); hidden != nil && level > LevelTrace {
		text = hidden.Replace(text)
	}
	if l.JSON != nil {
		l.JSON.Log(context.Background(), level, text)
		return
	}
	fmt.Fprintf(l, "ws76: %s\n", text)
}

// Own is text of ours in a log line, which may have several.
type Own string

// Most of a line that others may write, in bytes, with all its escapes: enough for what
// matters, and for what is shown of handshakes and frames.
const (
	maxForeign      = 1 << 10
	maxForeignDebug = 16 << 10
)

// Foreign returns the arguments of a log line as what others may have written: no caller
// has to know which ones are. They stay in the line and leave nothing to be steered with.
func (l *Logger) Foreign(level slog.Level, args []any) []any {
	room := maxForeign
	if level <= slog.LevelDebug {
		room = maxForeignDebug
	}
	safe := make([]any, len(args))
	for i, arg := range args {
		switch arg.(type) {
		case Own, bool, int, int64, uint16, uint64, byte, float64, time.Duration:
			safe[i] = arg
		default:
			safe[i] = foreignArg{arg, l.hasLines(arg), &room}
		}
	}
	return safe
}

// foreignArg is one of them; they share their room.
type foreignArg struct {
	arg     any
	several bool // lines
	room    *int
}

// Format is fmt.Formatter's.
func (f foreignArg) Format(s fmt.State, verb rune) {
	text := fmt.Appendf(nil, fmt.FormatString(s, verb), f.arg)
	if f.several {
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

// hasLines reports whether what is in a log line has several by itself.
func (l *Logger) hasLines(arg any) bool {
	switch arg := arg.(type) {
	case Lines:
		return true
	case error:
		return l.several != nil && l.several(arg)
	}
	return false
}

// Lines is text of others that may have several, such as what a script prints.
type Lines string

// appendLines escapes a text of several lines. None but the first can be taken for one of the log: they are indented.
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
func (l *Logger) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(line)
}

// Redirect lets w have the lines until undo is called.
func (l *Logger) Redirect(w io.Writer) (undo func()) {
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
