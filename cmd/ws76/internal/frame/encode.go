package frame

import (
	"bufio"
	"bytes"
	"context"
	crand "crypto/rand"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/core/rfc6455"
	"github.com/ws76/ws76/scripts"
)

func encodeCommand(e *app.Env) *cli.Command {
	const framing = "Frames"
	return e.Command(cli.Command{
		Name:  "encode",
		Usage: "messages of standard input to frames on standard output",
		UsageText: `printf 'on\noff\n' | ws76 frame encode | xxd
ws76 frame encode --in whole --close < note.txt    one message with newlines, then FF 00
printf 'x' | ws76 frame encode --type 0x85         a length-prefixed frame, which servers skip
ws76 frame encode --dialect rfc6455 --mask < lines.txt`,
		Flags: slices.Concat([]cli.Flag{
			flags.Word(cli.GenericFlag{Name: "in", Usage: "`FORMAT` of the messages: %s"}, "lines", format.Inputs...),
			&cli.BoolFlag{Name: "crlf", Usage: "lines end with CR LF, and the CR is no part of the message"},
		}, codecFlags("send U+FFFD for what is not UTF-8, rather than stop"), []cli.Flag{
			&cli.StringFlag{Name: "type", Category: framing, Usage: "`TYPE` byte: 0x00..0x7F with a sentinel, 0x80..0xFF with a length; the opcode with rfc6455"},
			&cli.BoolFlag{Name: "close", Category: framing, Usage: "end with a closing frame (FF 00)"},
			&cli.BoolFlag{Name: "mask", Category: framing, Usage: "mask the frames, as clients of RFC 6455 must"},
		}, hooks.Flags()),
		Action: func(c *cli.Context) error { return runEncode(c.Context, e, readEncode(c)) },
	}, app.ExitProtocol, app.ExitScript)
}

// encodeOptions are what the command line says.
type encodeOptions struct {
	Options
	In          format.Format
	CRLF        bool
	Type        string // a number
	TypeGiven   bool
	Close, Mask bool
}

func readEncode(c *cli.Context) *encodeOptions {
	return &encodeOptions{
		Options: read(c), In: format.Format(c.String("in")), CRLF: c.Bool("crlf"), Type: c.String("type"), TypeGiven: c.IsSet("type"),
		Close: c.Bool("close"), Mask: c.Bool("mask"),
	}
}

// typeByte is the type byte that --type asks for, that of a text without it.
func (o *encodeOptions) typeByte() (byte, error) {
	if !o.TypeGiven {
		if !o.ofDraft() {
			return rfc6455.OpText, nil
		}
		return 0, nil
	}
	n, err := strconv.ParseUint(o.Type, 0, 8)
	if err != nil {
		return 0, app.Usagef("--type %q: want a byte, 0x00..0xFF", o.Type)
	}
	typ := byte(n)
	if !o.ofDraft() {
		switch typ {
		case rfc6455.OpText, rfc6455.OpBinary, rfc6455.OpClose, rfc6455.OpPing, rfc6455.OpPong:
		default:
			return 0, app.Usagef("--type %#x: opcodes of RFC 6455 are 1 (text), 2 (binary), 8 (close), 9 (ping), 10 (pong)", typ)
		}
	}
	return typ, nil
}

func runEncode(ctx context.Context, e *app.Env, o *encodeOptions) error {
	enc, err := newEncoder(ctx, e, o)
	if err != nil {
		return err
	}
	return run(ctx, enc.run)
}

// encoder is one run of frame encode.
type encoder struct {
	*encodeOptions
	in      io.Reader
	out     io.Writer
	options format.Options
	typ     byte
	blocks  bool      // take the short way of blockEncoder
	masks   io.Reader // of random bytes, if frames are to be masked
	buf     []byte
	scripts *chain // may be nil
}

func newEncoder(ctx context.Context, e *app.Env, o *encodeOptions) (*encoder, error) {
	if err := o.noArguments("encode"); err != nil {
		return nil, err
	}
	typ, err := o.typeByte()
	if err != nil {
		return nil, err
	}
	enc := &encoder{
		encodeOptions: o, in: e.Stdin, out: e.Output(), typ: typ,
		options: format.Options{Format: o.In, CRLF: o.CRLF, MaxMessage: o.MaxMessage, ReplaceInvalid: o.ReplaceInvalid},
	}
	rfc := !o.ofDraft()
	switch {
	case o.Mask && !rfc:
		return nil, app.Usagef("--mask: drafts 75 and 76 mask nothing; it goes with --dialect rfc6455")
	case o.Close && o.Dialect.Lacks().Closing:
		return nil, app.Usagef("--close: draft 75 has no closing frame, TCP is simply closed")
	}
	if o.Mask {
		enc.masks = bufio.NewReader(crand.Reader)
	}
	if rfc && typ != rfc6455.OpText || !rfc && typ != 0 {
		enc.options.Kind = core.Binary // no text, so anything goes
	}
	enc.blocks = !rfc && typ == 0 && !enc.options.CRLF && (enc.options.Format == format.Lines || enc.options.Format == format.Nul)
	if err := e.RefuseBinary("frames"); err != nil {
		return nil, err
	}
	if enc.scripts, err = newChain(ctx, e, &o.Options); err != nil {
		return nil, err
	}
	enc.blocks = enc.blocks && enc.scripts == nil
	widenPipe(e.Stdin)
	widenPipe(e.Stdout)
	return enc, nil
}

func (enc *encoder) run() error {
	encode := enc.messages
	if enc.blocks {
		encode = (&blockEncoder{
			r: enc.in, w: enc.out, max: enc.options.MaxMessage, replace: enc.options.ReplaceInvalid,
			format: enc.options.Format, delim: delimiters[enc.options.Format],
		}).run
	}
	if err := encode(); err != nil {
		return err
	}
	if !enc.Close {
		return nil
	}
	enc.buf = enc.buf[:0]
	if !enc.ofDraft() {
		mask, err := enc.mask()
		if err != nil {
			return err
		}
		enc.buf = rfc6455.AppendClose(enc.buf, rfc6455.CodeNormal, "", mask)
	} else {
		enc.buf = hixie.AppendClosing(enc.buf)
	}
	_, err := enc.out.Write(enc.buf)
	return err
}

// messages is the way of all formats: one message after the other, through the scripts where there are some.
func (enc *encoder) messages() error {
	number := int64(0)
	take := func(m core.Message) error {
		number++
		return enc.append(m, number)
	}
	flush, stop := enc.flush, func(err error) error { return err }
	if s := enc.scripts; s != nil {
		if err := s.start(take, enc.flush); err != nil {
			return s.stop(err)
		}
		take, flush, stop = s.message, s.flushAlone, s.stop
	}
	r := format.NewReader(enc.in, enc.options)
	for {
		m, err := r.Read()
		if err == nil {
			err = take(m)
		}
		if err != nil || len(enc.buf) >= blockSize || !r.Ready() {
			if flushed := flush(); flushed != nil {
				return stop(flushed)
			}
		}
		switch {
		case err == nil:
		case err == io.EOF:
			return stop(nil)
		case app.Is[*scripts.Error](err), err == relay.ErrStop:
			return stop(err)
		default:
			return stop(messageError(err))
		}
	}
}

// messageError tells errors of what was read from those of reading.
func messageError(err error) error {
	if app.Is[*format.InvalidUTF8Error](err) || app.Is[*format.TooLargeError](err) || app.Is[*format.SyntaxError](err) || app.Is[*badMessageError](err) {
		return err
	}
	return readError(err)
}

// append adds the frame of message number to buf.
func (enc *encoder) append(m core.Message, number int64) error {
	if !enc.ofDraft() {
		mask, err := enc.mask()
		if err != nil {
			return err
		}
		switch {
		case enc.typ > rfc6455.OpBinary && len(m.Data) > rfc6455.MaxControl:
			return &badMessageError{number, fmt.Sprintf("%d bytes are too many for opcode %d, which takes %d", len(m.Data), enc.typ, rfc6455.MaxControl)}
		case enc.typ > rfc6455.OpBinary:
			enc.buf = rfc6455.AppendControl(enc.buf, enc.typ, m.Data, mask)
		default:
			text := enc.typ == rfc6455.OpText && m.Kind == core.Text
			enc.buf = rfc6455.AppendMessage(enc.buf, text, m.Data, mask)
		}
		return nil
	}
	switch {
	case enc.typ == 0 && m.Kind != core.Text:
		return &badMessageError{number, "it is binary, which drafts 75 and 76 do not have; encode it as base64 or hex, or use --dialect rfc6455"}
	case enc.typ > 0 && enc.typ < 0x80:
		if i := bytes.IndexByte(m.Data, 0xFF); i >= 0 {
			return &badMessageError{number, fmt.Sprintf("byte %d is 0xff, which would end a frame of type 0x%02x there; types 0x80 to 0xff take any bytes", i, enc.typ)}
		}
	}
	enc.buf = hixie.AppendFrame(enc.buf, enc.typ, m.Data)
	return nil
}

// badMessageError is a message that frames of the type asked for cannot carry.
type badMessageError struct {
	number int64
	reason string
}

func (e *badMessageError) Error() string { return fmt.Sprintf("message %d: %s", e.number, e.reason) }

// mask returns a new mask, or nil.
func (enc *encoder) mask() (*[4]byte, error) {
	if enc.masks == nil {
		return nil, nil
	}
	var mask [4]byte
	if _, err := io.ReadFull(enc.masks, mask[:]); err != nil {
		return nil, fmt.Errorf("making a mask: %w", err)
	}
	return &mask, nil
}

func (enc *encoder) flush() error {
	if len(enc.buf) == 0 {
		return nil
	}
	_, err := enc.out.Write(enc.buf)
	if enc.buf = enc.buf[:0]; cap(enc.buf) > 4*blockSize {
		enc.buf = nil
	}
	return err
}
