// Package format is messages on a byte stream: what stands between one message
// and the next, and how a message looks there. It is the one place that knows,
// for pipes and terminals, child processes, serial lines and files.
//
// A [Reader] takes messages off a stream, a [Writer] puts them on one, and an
// [Endpoint] is both, for a relay session:
//
//	r := format.NewReader(os.Stdin, format.Options{Format: format.Lines})
//	for {
//		m, err := r.Read()
//		if err == io.EOF {
//			break
//		}
//		…
//	}
//
// The package never prints: what a user should know is returned, or given to
// Options.Warn.
package format

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ws76/ws76/core"
)

// Format names the shape of messages on a byte stream. The zero value is Lines.
type Format string

const (
	// Lines ends each message with a newline, which is no part of it. On
	// input the last newline may be missing. Not for messages with newlines.
	Lines Format = "lines"
	// Nul is Lines with a zero byte in place of the newline.
	Nul Format = "nul"
	// Whole makes all of the input one message, none where it is empty.
	Whole Format = "whole"
	// Raw is payloads and nothing between them. As input it is Whole, as
	// which Whole is Raw on output.
	Raw Format = "raw"
	// Hex is one message a line, two digits a byte. On input, case is free
	// and there may be blanks between bytes.
	Hex Format = "hex"
	// Base64 is one message a line in the standard alphabet. On input the
	// padding may be missing.
	Base64 Format = "base64"
	// Len32 is the length in bytes as 32 bits, big-endian, then the message.
	Len32 Format = "len32"
	// JSON is one object a line:
	//
	//	{"data":"…","kind":"text","dir":"in","time":"…","conn":1}
	//
	// with "base64" in place of "data" where the message is binary, or a text
	// that is not UTF-8. On input one of the two must be there; "kind" may be
	// missing and is then what the key suggests; other keys are ignored, and
	// so are blank lines.
	JSON Format = "json"
	// Templated writes each message as Options.Template says. Output only.
	Templated Format = "template"
)

// Inputs and Outputs are the formats that can be read and written by name: a template asks for Templated.
var (
	Inputs  = []Format{Lines, Nul, Whole, Hex, Base64, Len32, JSON}
	Outputs = []Format{Lines, Nul, Raw, Hex, Base64, Len32, JSON}
)

// ParseOutput returns the output format called name.
func ParseOutput(name string) (Format, error) {
	if slices.Contains(Outputs, Format(name)) {
		return Format(name), nil
	}
	return "", fmt.Errorf("unknown output format %q: known are %s", name, strings.Trim(fmt.Sprint(Outputs), "[]"))
}

// DefaultMaxMessage is the limit of messages where none is given: 16 MiB.
const DefaultMaxMessage = 16 << 20

// Options of a Reader or a Writer.
type Options struct {
	Format Format

	// CRLF makes the line formats end lines with CR LF. On input a newline
	// alone is taken as well; without CRLF a CR before it is part of a Lines
	// message.
	CRLF bool

	// MaxMessage bounds messages on input, in bytes after decoding. 0 is
	// DefaultMaxMessage.
	MaxMessage int64
	// Kind is of the messages on input; JSON says its own. Text must be UTF-8.
	Kind core.Kind
	// ReplaceInvalid puts U+FFFD where a text on input is not UTF-8.
	ReplaceInvalid bool

	// Template is the shape of Templated on output.
	Template *Template
	// Escape is for output on a terminal: control characters in payloads are
	// shown and not sent, as AppendEscaped does.
	Escape bool
	// Warn is called at the first message on output that holds its own
	// delimiter, from within Write; nil: never.
	Warn func(DelimiterWarning)
}

func (o Options) withDefaults() Options {
	if o.Format == "" {
		o.Format = Lines
	}
	if o.MaxMessage <= 0 {
		o.MaxMessage = DefaultMaxMessage
	}
	return o
}

// maxRecord is the most bytes that a record of a message of at most MaxMessage
// can have, without its delimiter.
func (o *Options) maxRecord() int64 {
	n := o.MaxMessage
	switch o.Format {
	case Lines:
		if o.CRLF {
			return scale(n, 1, 1)
		}
	case Hex:
		return scale(n, 3, 2) // a blank after each byte, a CR
	case Base64:
		return scale(n/3, 4, 5) // a last group, a CR
	case JSON:
		return scale(n, 6, 64<<10) // every byte as \u00XX, and the other keys
	case Len32:
		return scale(n, 1, 4)
	}
	return n
}

// scale returns n*by+plus, or the largest number where that is too much.
func scale(n, by, plus int64) int64 {
	if n > (math.MaxInt64-plus)/by {
		return math.MaxInt64
	}
	return n*by + plus
}
