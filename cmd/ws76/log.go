package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/urfave/cli/v2"

	relayformat "github.com/ws76/ws76/core/relay/format"
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
}

func newLogger(w io.Writer) *logger { return &logger{w: w, level: slog.LevelWarn} }

// configure takes the level and the form from the common flags of a command.
func (l *logger) configure(c *cli.Context) error {
	if err := oneOf(c, "log-format", "text", "json"); err != nil {
		return err
	}
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
	// What a peer sent is in many of these lines; nothing of it may steer a terminal.
	text := string(relayformat.AppendEscaped(nil, fmt.Appendf(nil, format, args...)))
	if l.json != nil {
		l.json.Log(context.Background(), level, text)
		return
	}
	fmt.Fprintf(l, "ws76: %s\n", text)
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
