// Package frame is ws76 frame: messages and frames on pipes, dumps and captures.
package frame

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/cmd/ws76/internal/outcome"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/core/rfc6455"
	"github.com/ws76/ws76/scripts"
)

// How much frame reads at once. What a block becomes should fit into a pipe of pipeSize, or each write waits in its
// middle for the other side: frames are up to twice as long as their messages, messages never longer than their frames.
// Measured from 128 KiB to 1 MiB: less is up to a tenth slower, since the time goes into waking the other side; with 1
// MiB encode is a tenth slower, and decode that much faster.
const (
	blockSize   = 512 << 10
	decodeBlock = 1 << 20
)

// Command is ws76 frame.
func Command(e *app.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:  "frame",
		Usage: "turn messages into frames and back, take streams apart",
		UsageText: `printf 'on\noff\n' | ws76 frame encode | xxd       what messages are on the wire
ws76 frame encode --close < lines.txt | nc device.local 8080
ws76 frame decode < frames.bin                     the messages, one a line
ws76 frame decode --all --out json < frames.bin    frames of every type, with type and length
ws76 frame dump capture.bin                        each byte and what it is`,
		Subcommands: []*cli.Command{
			encodeCommand(e),
			decodeCommand(e),
			dumpCommand(e),
		},
	}, app.ExitProtocol, app.ExitScript)
}

// Options are what the command lines of encode and decode have in common.
type Options struct {
	Args           []string
	Dialect        core.Dialect
	MaxMessage     int64
	ReplaceInvalid bool
	Hooks          *hooks.Options
}

// codecFlags are those that read reads, with what --replace-invalid does.
func codecFlags(replace string) []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "replace-invalid", Usage: replace},
		flags.Size(cli.GenericFlag{Name: "max-message", Usage: "refuse messages above `SIZE`"}, hixie.DefaultMaxMessage),
		flags.Word(cli.GenericFlag{Name: "dialect", Usage: "`DIALECT` of the frames, the same in both drafts: %s"}, core.DefaultDialect, core.Dialects[:]...),
	}
}

func read(c *cli.Context) Options {
	return Options{
		Args: c.Args().Slice(), Dialect: core.Dialect(c.String("dialect")), MaxMessage: flags.Bytes(c, "max-message"),
		ReplaceInvalid: c.Bool("replace-invalid"), Hooks: hooks.Read(c),
	}
}

// ofDraft reports whether the frames are those of package hixie, not of rfc6455.
func (o *Options) ofDraft() bool {
	_, ok := o.Dialect.Draft()
	return ok
}

// noArguments refuses arguments of a command that reads standard input.
func (o *Options) noArguments(command string) error {
	return app.NoArguments("frame "+command, o.Args, "it reads standard input")
}

// run runs f, which reads standard input, and gives its errors their codes. Nothing can break off a read of standard
// input, so when ctx is cancelled f is left behind; the process ends then.
func run(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return named(err)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// named names the command in err, and what would help.
func named(err error) error {
	var bad *badFrameError
	hint := ""
	switch {
	case err == nil:
		return nil
	case app.Is[*scripts.Error](err), app.Is[app.SilentError](err), app.Is[app.CodedError](err):
		return err
	case app.Is[*format.InvalidUTF8Error](err):
		hint = "; --replace-invalid puts U+FFFD there"
	case outcome.Hint(err) != "":
	case errors.As(err, &bad):
		hint = bad.hint
	case app.Is[*format.SyntaxError](err), errors.Is(err, hixie.ErrBareFF), app.Is[*hixie.SyntaxError](err), app.Is[*rfc6455.SyntaxError](err):
	default:
		return fmt.Errorf("frame: %w", err)
	}
	return app.WithCode(app.ExitProtocol, fmt.Errorf("frame: %w%s", err, hint))
}

// badFrameError is a frame that is well-formed and cannot be taken as it is.
type badFrameError struct {
	offset int64
	reason string
	hint   string // what would help
}

func (e *badFrameError) Error() string { return fmt.Sprintf("offset %d: %s", e.offset, e.reason) }

// readError says what was being read where err is not the end.
func readError(err error) error { return fmt.Errorf("reading standard input: %w", err) }
