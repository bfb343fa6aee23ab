package frame

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/cmd/ws76/internal/output"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/core/rfc6455"
)

func decodeCommand(e *app.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:  "decode",
		Usage: "frames of standard input to messages on standard output",
		UsageText: `ws76 frame decode < frames.bin                     messages, one a line
ws76 frame decode --out json --all < frames.bin    frames of every type
ws76 frame decode --format '%n: %j\n' < frames.bin
ws76 frame decode --dialect rfc6455 < frames.bin   masked or not`,
		Description: "The closing frame ends the stream. Where it is cut off or wrong, all that is complete is printed first. " +
			`With --out json a frame is one object a line: "data" or "base64", "kind", and with --all "type" and "length".`,
		Flags: slices.Concat([]cli.Flag{
			flags.Word(cli.GenericFlag{Name: "out", Usage: "`FORMAT` of the messages: %s"}, "lines", format.Outputs...),
			&cli.StringFlag{Name: "format", Usage: "print each message by `TEMPLATE`: %d data, %j data as JSON, %k kind, %n number, %T time, \\n newline"},
			&cli.BoolFlag{Name: "crlf", Usage: "end lines with CR LF"},
			&cli.BoolFlag{Name: "all", Usage: "show frames of all types, not only messages"},
		}, codecFlags("print U+FFFD for what is not UTF-8, as the draft says, rather than stop"), hooks.Flags()),
		Action: func(c *cli.Context) error { return runDecode(c.Context, e, readDecode(c)) },
	}, app.ExitProtocol, app.ExitScript)
}

// decodeOptions are what the command line says.
type decodeOptions struct {
	Options
	Output output.Options
	All    bool
}

func readDecode(c *cli.Context) *decodeOptions {
	return &decodeOptions{read(c), output.Read(c), c.Bool("all")}
}

func runDecode(ctx context.Context, e *app.Env, o *decodeOptions) error {
	dec, err := newDecoder(ctx, e, o)
	if err != nil {
		return err
	}
	return run(ctx, dec.run)
}

// decoder is one run of frame decode.
type decoder struct {
	*decodeOptions
	in      io.Reader
	sink    messageSink
	log     *app.Logger
	scripts *chain // may be nil

	skipped int64 // frames of other types
	text    []byte
}

// messageSink takes what was decoded.
type messageSink interface {
	// message takes one message. meta.Frame is nil unless --all is given.
	message(m core.Message, meta format.Meta) error
	// messages takes the whole text frames at the start of p and returns the
	// number of bytes it has used; none, if one of them needs a closer look.
	messages(p []byte) (n int, err error)
	// flush writes what was gathered.
	flush() error
}

func newDecoder(ctx context.Context, e *app.Env, o *decodeOptions) (*decoder, error) {
	if err := o.noArguments("decode"); err != nil {
		return nil, err
	}
	dec := &decoder{decodeOptions: o, in: e.Stdin, log: e.Log}
	if !o.ofDraft() && dec.ReplaceInvalid {
		return nil, app.Usagef("--replace-invalid: RFC 6455 makes text that is not UTF-8 an error; it goes with hixie-76")
	}
	options, err := o.Output.Format(e)
	if err != nil {
		return nil, err
	}
	if dec.scripts, err = newChain(ctx, e, &o.Options); err != nil {
		return nil, err
	}
	switch {
	case dec.scripts != nil || options.Format == format.Len32:
	case !options.CRLF && !options.Escape && !dec.All && o.ofDraft() && (options.Format == format.Lines || options.Format == format.Nul):
		dec.sink = &blockSink{w: e.Output(), format: options.Format, delim: delimiters[options.Format], max: dec.MaxMessage, warn: options.Warn}
	}
	if dec.sink == nil {
		w := format.NewWriter(e.Output(), options)
		dec.sink = &formatSink{w: w, time: options.Format == format.Templated && w.NeedsTime()}
	}
	if dec.scripts != nil {
		sink := &scriptSink{to: dec.sink, scripts: dec.scripts}
		dec.sink = sink
		if err := dec.scripts.start(func(m core.Message) error { return sink.to.message(m, sink.meta) }, sink.to.flush); err != nil {
			return nil, dec.scripts.stop(err)
		}
	}
	widenPipe(e.Stdin)
	widenPipe(e.Stdout)
	return dec, nil
}

func (dec *decoder) run() error {
	decode := dec.hixie
	if !dec.ofDraft() {
		decode = dec.rfc6455
	}
	err := decode()
	if dec.scripts != nil {
		err = dec.scripts.stop(err)
	}
	if flushed := dec.sink.flush(); flushed != nil {
		return flushed
	}
	if dec.skipped > 1 {
		dec.log.Warnf("frame: %d frames of other types skipped in all", dec.skipped)
	}
	return err
}

// errEnd ends the loops below after a closing frame.
var errEnd = errors.New("closing frame")

// hixie decodes frames of drafts 75 and 76.
func (dec *decoder) hixie() error {
	draft, _ := dec.Dialect.Draft()
	d := hixie.Decoder{MaxMessage: dec.MaxMessage, KeepAll: dec.All, Draft: draft}
	next := func() error {
		f, err := d.Next()
		if err == nil {
			err = dec.hixieFrame(f)
		}
		if err == nil && f.IsText() {
			// What follows, in one go.
			var n int
			n, err = dec.sink.messages(d.Rest())
			d.Discard(n)
		}
		if err == hixie.ErrIncomplete {
			return errMore
		}
		if err == io.EOF {
			return errEnd
		}
		return err
	}
	err := dec.stream(&d, next)
	if errors.Is(err, hixie.ErrBareFF) {
		return &badFrameError{offset: d.Offset() - 1, reason: "the stream ends in a bare 0xff, which is half of a closing frame"}
	}
	return err
}

// hixieFrame prints or skips a frame.
func (dec *decoder) hixieFrame(f *hixie.Frame) error {
	var meta format.Meta
	if dec.All {
		meta.Frame = &format.Frame{Type: f.Type, Length: f.Length}
	}
	if !f.IsText() {
		if dec.All {
			return dec.sink.message(core.Message{Data: f.Payload, Kind: core.Binary}, meta)
		}
		if !f.IsClosing() || dec.Dialect.Lacks().Closing {
			dec.skip("frame of type 0x%02x with %d bytes", f.Offset, f.Type, f.Length)
		}
		return nil
	}
	text := f.Payload
	if i := hixie.InvalidAt(text); i >= 0 {
		if !dec.ReplaceInvalid {
			return &badFrameError{
				offset: f.Offset + 1 + int64(i), hint: "; --replace-invalid prints U+FFFD for it",
				reason: fmt.Sprintf("byte %d of a message, 0x%02x, is not valid UTF-8", i, text[i]),
			}
		}
		dec.text = hixie.AppendValidUTF8(dec.text[:0], text)
		text = dec.text
	}
	return dec.sink.message(core.Message{Data: text}, meta)
}

// skip notes a frame that is no message: the first one, and all in run.
func (dec *decoder) skip(what string, offset int64, args ...any) {
	if dec.skipped++; dec.skipped == 1 {
		dec.log.Warnf("frame: offset %d: %s skipped; --all shows such frames", offset, fmt.Sprintf(what, args...))
	}
}

// errMore is what next of stream returns when all bytes are used.
var errMore = errors.New("more bytes are needed")

// streamDecoder is what the decoders of both protocols have in common.
type streamDecoder interface {
	Feed(p []byte)
	Buffer() []byte
	Advance(n int)
	Rest() []byte
	Offset() int64
	End() error
}

// stream feeds d with standard input. next handles a frame.
func (dec *decoder) stream(d streamDecoder, next func() error) error {
	block := make([]byte, decodeBlock)
	for {
		p := d.Buffer() // behind a large unfinished frame
		// A copy of its rest costs less than many small reads.
		direct := len(p) >= len(block)/4
		if !direct {
			p = block
		}
		n, rerr := dec.in.Read(p)
		if direct {
			d.Advance(n)
		} else {
			d.Feed(p[:n])
		}
		var err error
		for err == nil {
			err = next()
		}
		if err == errEnd {
			return dec.trailing(d, rerr)
		}
		if err != errMore {
			return err
		}
		if err := dec.sink.flush(); err != nil {
			return err
		}
		if rerr == io.EOF {
			return d.End()
		}
		if rerr != nil {
			return readError(rerr)
		}
	}
}

// trailing is the end after a closing frame: nothing may follow it.
func (dec *decoder) trailing(d streamDecoder, err error) error {
	if flushed := dec.sink.flush(); flushed != nil {
		return flushed
	}
	rest := len(d.Rest())
	var one [1]byte
	for rest == 0 && err == nil {
		rest, err = dec.in.Read(one[:])
	}
	if rest > 0 {
		return &badFrameError{offset: d.Offset(), reason: "data after the closing frame", hint: "; nothing may follow it"}
	}
	if err != io.EOF {
		return readError(err)
	}
	return nil
}

// rfc6455 decodes frames of RFC 6455. The first of them says whether all are masked.
func (dec *decoder) rfc6455() error {
	var head [2]byte
	n, err := io.ReadFull(dec.in, head[:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return readError(err)
	}
	dec.in = io.MultiReader(bytes.NewReader(head[:n]), dec.in)
	d := rfc6455.Decoder{MaxMessage: dec.MaxMessage, Masked: head[1]&0x80 != 0}
	return dec.stream(&d, func() error {
		ev, err := d.Next()
		switch {
		case err == rfc6455.ErrIncomplete:
			return errMore
		case err == io.EOF:
			return errEnd
		case err != nil:
			return err
		}
		return dec.event(ev)
	})
}

func (dec *decoder) event(ev rfc6455.Event) error {
	var meta format.Meta
	if dec.All {
		meta.Frame = &format.Frame{Type: byte(ev.Kind), Length: int64(len(ev.Data))}
	}
	m := core.Message{Data: ev.Data, Kind: core.Binary}
	switch ev.Kind {
	case rfc6455.Text:
		m.Kind = core.Text
	case rfc6455.Binary:
	case rfc6455.Close:
		if !dec.All {
			return nil
		}
		m = core.Message{Data: []byte(ev.Reason)}
		meta.Frame.Length = int64(len(ev.Reason))
	default:
		if !dec.All {
			dec.skip("%s with %d bytes", ev.Offset, ev.Kind, len(ev.Data))
			return nil
		}
	}
	return dec.sink.message(m, meta)
}

// formatSink writes messages in any format.
type formatSink struct {
	w    *format.Writer
	time bool // the template shows it; JSON of a stream that may be old leaves it out
}

func (s *formatSink) message(m core.Message, meta format.Meta) error {
	if s.time {
		meta.Time = time.Now()
	}
	return s.w.Write(m, meta)
}

func (s *formatSink) messages([]byte) (int, error) { return 0, nil }

func (s *formatSink) flush() error { return s.w.Flush() }
