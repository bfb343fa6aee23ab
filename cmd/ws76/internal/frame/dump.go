package frame

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/core/hixie"
)

func dumpCommand(e *app.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:      "dump",
		ArgsUsage: "[FILE]",
		Usage:     "an annotated hex dump of one direction of a connection",
		UsageText: `ws76 frame dump capture.bin
ws76 frame dump --pcap trace.pcap            what tcpdump -w trace.pcap has recorded
printf 'on\n' | ws76 frame encode --close | ws76 frame dump`,
		Description: "With --pcap the file is a packet capture, pcap or pcapng, and both directions of each WebSocket " +
			"connection in it are dumped, the client's first.\n\n" +
			"Each line has an offset, up to 16 bytes in hex and as text, and what they are. " +
			"The stream may begin with a handshake, of a client or a server, or with both, one after the other. " +
			"What cannot be read is shown as well, and is an error.",
		Flags: []cli.Flag{
			flags.Size(cli.GenericFlag{Name: "max-message", Usage: "take frames above `SIZE` for garbage"}, hixie.DefaultMaxMessage),
			&cli.BoolFlag{Name: "pcap", Usage: "read a packet capture, of tcpdump or Wireshark"},
		},
		Action: func(c *cli.Context) error { return runDump(c.Context, e, readDump(c)) },
	}, app.ExitProtocol, app.ExitScript)
}

// dumpOptions are what the command line says.
type dumpOptions struct {
	Files      []string
	MaxMessage int64
	Pcap       bool
}

func readDump(c *cli.Context) *dumpOptions {
	return &dumpOptions{c.Args().Slice(), flags.Bytes(c, "max-message"), c.Bool("pcap")}
}

func runDump(ctx context.Context, e *app.Env, o *dumpOptions) error {
	if len(o.Files) > 1 {
		return app.Usagef("frame dump takes one file, got %q as well", o.Files[1])
	}
	in := e.Stdin
	if len(o.Files) == 1 && o.Files[0] != "" && o.Files[0] != "-" {
		f, err := os.Open(o.Files[0])
		if err != nil {
			return fmt.Errorf("frame: %w", err)
		}
		defer f.Close()
		in = f
	}
	out := bufio.NewWriterSize(e.Output(), blockSize)
	d := &dumper{r: in, w: out, max: o.MaxMessage}
	return run(ctx, func() error {
		run := d.run
		if o.Pcap {
			run = func() error { return dumpCapture(e, in, d) }
		}
		err := run()
		if flushed := out.Flush(); flushed != nil {
			return flushed
		}
		return err
	})
}

// dumper prints a stream byte for byte, in parts that have a meaning.
type dumper struct {
	r   io.Reader
	w   *bufio.Writer
	max int64

	raw    []byte // what was read and is not printed
	offset int64  // of raw[0] in the stream
	eof    bool

	frames int       // printed so far
	parts  [2]uint32 // what the client's keys stand for
	good   [2]bool   // which of them do
	want   [16]byte  // the answer to its challenge,
	asked  bool      // if that was there
}

func (d *dumper) run() error {
	if done, err := d.heads(); done || err != nil {
		return err
	}
	return d.stream()
}

// fill reads more, or sets eof. Standard input may be slow: what is known is shown.
func (d *dumper) fill() error {
	if err := d.w.Flush(); err != nil {
		return err
	}
	if cap(d.raw)-len(d.raw) < blockSize/2 {
		raw := make([]byte, len(d.raw), max(2*len(d.raw), blockSize))
		copy(raw, d.raw)
		d.raw = raw
	}
	n, err := d.r.Read(d.raw[len(d.raw):cap(d.raw)])
	d.raw = d.raw[:len(d.raw)+n]
	if err == io.EOF {
		d.eof = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading: %w", err)
	}
	return nil
}

// part prints the next n bytes with a note on the first line.
func (d *dumper) part(n int, note string, args ...any) error {
	if len(args) > 0 {
		note = fmt.Sprintf(note, args...)
	}
	var line []byte
	for p := d.raw[:n]; len(p) > 0; note = "" {
		row := p[:min(16, len(p))]
		line = fmt.Appendf(line[:0], "%08x  % -47x  ", d.offset, row)
		for _, c := range row {
			if c < ' ' || c > '~' {
				c = '.'
			}
			line = append(line, c)
		}
		if note != "" {
			line = fmt.Appendf(line, "%*s  %s", 16-len(row), "", note)
		}
		if _, err := d.w.Write(append(line, '\n')); err != nil {
			return err
		}
		d.offset += int64(len(row))
		p = p[len(row):]
	}
	d.raw = d.raw[n:]
	return nil
}

// garbage prints all that is left.
func (d *dumper) garbage(note string, args ...any) error {
	for {
		if err := d.part(len(d.raw), note, args...); err != nil || d.eof {
			return err
		}
		note, args = "", nil
		d.raw = d.raw[:0]
		if err := d.fill(); err != nil {
			return err
		}
	}
}

// stream prints frames.
func (d *dumper) stream() error {
	dec := hixie.Decoder{MaxMessage: d.max, KeepAll: true}
	start := d.offset
	dec.Feed(d.raw)
	for {
		f, err := dec.Next()
		switch {
		case err == nil:
			if err := d.frame(f, int(start+dec.Offset()-d.offset)); err != nil {
				return err
			}
		case err == hixie.ErrIncomplete && !d.eof:
			known := len(d.raw)
			if err := d.fill(); err != nil {
				return err
			}
			dec.Feed(d.raw[known:])
		case err == hixie.ErrIncomplete:
			return d.end(dec.End(), start)
		case err == io.EOF:
			return d.trailing()
		default:
			return d.end(err, start)
		}
	}
}

// frame prints the frame that the next n bytes are.
func (d *dumper) frame(f *hixie.Frame, n int) error {
	d.frames++
	digits := n - 1 - int(f.Length) // of the length; or the sentinel
	what := "a message"
	switch {
	case f.IsClosing():
		what = "the closing frame"
	case f.Type >= 0x80:
		what = "a length follows, readers skip it"
	case !f.IsText():
		what = "a sentinel follows, readers skip it"
	}
	if err := d.part(1, "frame %d: type 0x%02x, %s", d.frames, f.Type, what); err != nil {
		return err
	}
	if f.Type >= 0x80 {
		if err := d.part(digits, "length %d", f.Length); err != nil {
			return err
		}
	}
	note := fmt.Sprintf("payload, %d bytes", f.Length)
	if f.IsText() {
		if i := hixie.InvalidAt(f.Payload); i >= 0 {
			note += fmt.Sprintf(", not UTF-8 at byte %d", i)
		}
	}
	if err := d.part(int(f.Length), note); err != nil {
		return err
	}
	if f.Type < 0x80 {
		return d.part(digits, "sentinel")
	}
	return nil
}

// end prints what is left where frames end for the reason err, if any. Offsets in err are relative to start.
func (d *dumper) end(err error, start int64) error {
	var syntax *hixie.SyntaxError
	switch {
	case err == nil:
		return nil
	case err == hixie.ErrBareFF:
		err = &badFrameError{offset: d.offset, reason: "the stream ends in a bare 0xff, which is half of a closing frame"}
		return first(d.garbage("half of a closing frame"), err)
	case errors.As(err, &syntax):
		err = &hixie.SyntaxError{Offset: start + syntax.Offset, Reason: syntax.Reason, Err: syntax.Err}
		return first(d.garbage("garbage: %s", syntax.Reason), err)
	}
	return err
}

// trailing prints what follows the closing frame.
func (d *dumper) trailing() error {
	for len(d.raw) == 0 && !d.eof {
		if err := d.fill(); err != nil {
			return err
		}
	}
	if len(d.raw) == 0 {
		return nil
	}
	err := &badFrameError{offset: d.offset, reason: "data after the closing frame"}
	return first(d.garbage("garbage: nothing may follow the closing frame"), err)
}

// first returns the first error.
func first(errs ...error) error { return cmp.Or(errs...) }

// heads prints the handshakes at the start. done means that it has printed all.
func (d *dumper) heads() (done bool, err error) {
	for {
		for len(d.raw) < len("HTTP/") && !d.eof {
			if err := d.fill(); err != nil {
				return false, err
			}
		}
		switch {
		case bytes.HasPrefix(d.raw, []byte("GET ")):
			done, err = d.request()
		case bytes.HasPrefix(d.raw, []byte("HTTP/")):
			done, err = d.response()
		default:
			return false, nil
		}
		if done || err != nil {
			return true, err
		}
	}
}

// head reads a whole head with parse and prints what it cannot take.
func (d *dumper) head(parse func([]byte) (int, error)) (n int, err error) {
	for {
		n, err := parse(d.raw)
		if err == nil {
			return n, nil
		}
		if err != hixie.ErrIncomplete {
			return 0, d.end(err, d.offset)
		}
		if d.eof {
			err := &hixie.SyntaxError{Offset: d.offset, Reason: "the handshake is cut off", Err: io.ErrUnexpectedEOF}
			return 0, first(d.garbage("garbage: a handshake that is cut off"), err)
		}
		if err := d.fill(); err != nil {
			return 0, err
		}
	}
}

func (d *dumper) request() (done bool, err error) {
	var req hixie.Request
	n, err := d.head(func(b []byte) (n int, err error) {
		req, n, err = hixie.ParseRequest(b)
		return n, err
	})
	if err != nil {
		return true, err
	}
	d.good, d.asked = [2]bool{}, false
	if err := d.lines(n, "request line", req.Fields); err != nil {
		return true, err
	}
	switch draft, err := hixie.Detect(req.Fields); {
	case draft == hixie.Draft76 && err == nil:
		return false, d.key3()
	case draft == hixie.Draft75 && err == nil:
		return false, nil
	}
	return d.notHixie(req.Fields)
}

// notHixie prints what follows a handshake of another protocol.
func (d *dumper) notHixie(f hixie.Fields) (done bool, err error) {
	note := "not a handshake of draft 75 or 76, so these are no frames of them"
	if f.Count("Sec-WebSocket-Version")+f.Count("Sec-WebSocket-Accept") > 0 {
		note = "RFC 6455: ws76 frame decode --dialect rfc6455 reads what follows the head"
	}
	return true, d.garbage(note)
}

func (d *dumper) response() (done bool, err error) {
	var resp hixie.Response
	n, err := d.head(func(b []byte) (n int, err error) {
		resp, n, err = hixie.ParseResponse(b)
		return n, err
	})
	if err != nil {
		return true, err
	}
	if err := d.lines(n, fmt.Sprintf("status line: %d", resp.Status), resp.Fields); err != nil {
		return true, err
	}
	// Only draft 76 has these names, and 16 bytes behind the head.
	_, origin := resp.Fields.Get("Sec-WebSocket-Origin")
	_, location := resp.Fields.Get("Sec-WebSocket-Location")
	_, old := resp.Fields.Get("WebSocket-Location")
	switch {
	case resp.Status != 101:
		return true, d.garbage("body of a response that is no 101")
	case origin || location:
		return false, d.answer()
	case old:
		return false, nil
	}
	return d.notHixie(resp.Fields)
}

// lines prints a head of n bytes.
func (d *dumper) lines(n int, note string, fields hixie.Fields) error {
	for i := -1; n > 0; i++ {
		end := bytes.IndexByte(d.raw, '\n') + 1
		switch {
		case i >= len(fields):
			note = "end of the head"
		case i >= 0:
			note = "field " + fields[i].Name + d.keyNote(fields[i])
		}
		n -= end
		if err := d.part(end, "%s", note); err != nil {
			return err
		}
	}
	return nil
}

// keyNote explains the two keys of draft 76.
func (d *dumper) keyNote(f hixie.Field) string {
	for i, name := range []string{"Sec-WebSocket-Key1", "Sec-WebSocket-Key2"} {
		if !strings.EqualFold(f.Name, name) {
			continue
		}
		key, err := hixie.ParseKey(f.Value)
		if err != nil {
			return fmt.Sprintf(": bad: %v", errors.Unwrap(err))
		}
		d.parts[i], d.good[i] = key.Part(), true
		return fmt.Sprintf(": %d by %d spaces is %d", key.Number, key.Spaces, key.Part())
	}
	return ""
}

// bytesOf makes sure of n bytes, or prints what there is.
func (d *dumper) bytesOf(n int, what string) error {
	for len(d.raw) < n && !d.eof {
		if err := d.fill(); err != nil {
			return err
		}
	}
	if have := len(d.raw); have < n {
		err := &hixie.SyntaxError{Offset: d.offset, Reason: fmt.Sprintf("%s cut off after %d of %d bytes", what, have, n), Err: io.ErrUnexpectedEOF}
		return first(d.garbage("garbage: %s", err.Reason), err)
	}
	return nil
}

func (d *dumper) key3() error {
	if err := d.bytesOf(8, "key3"); err != nil {
		return err
	}
	if !d.good[0] || !d.good[1] {
		return d.part(8, "key3")
	}
	d.want, d.asked = hixie.Answer(d.parts[0], d.parts[1], [8]byte(d.raw)), true
	return d.part(8, "key3; the answer to this challenge is %x", d.want)
}

func (d *dumper) answer() error {
	if err := d.bytesOf(16, "the answer"); err != nil {
		return err
	}
	note := "answer"
	if got := [16]byte(d.raw); d.asked && got == d.want {
		note += ", right"
	} else if d.asked {
		note += fmt.Sprintf(", wrong: the challenge asks for %x", d.want)
	}
	return d.part(16, "%s", note)
}
