package channels

import (
	"bytes"
	"encoding/base64"
	"io"
	"slices"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay/format"
)

// eventStream writes messages as server-sent events. A binary one is of the type "binary" and in base64.
type eventStream struct {
	w   io.Writer
	out []byte
	err error
}

// gathered is how many bytes wait for Flush, about.
const gathered = 64 << 10

func (e *eventStream) Write(m core.Message, _ format.Meta) error {
	if m.Kind == core.Binary {
		e.out = append(e.out, "event: binary\ndata: "...)
		for piece := range slices.Chunk(m.Data, 3*gathered/4) { // a multiple of 3
			e.out = base64.StdEncoding.AppendEncode(e.out, piece)
			e.more()
		}
		e.out = append(e.out, "\n\n"...)
	} else {
		e.text(m.Data)
	}
	e.more()
	return e.err
}

// more writes what was gathered, if that is much: of a message, too.
func (e *eventStream) more() {
	if len(e.out) >= gathered {
		e.Flush()
	}
}

// text writes a line of data for each line: CR LF, LF and CR all end one.
func (e *eventStream) text(data []byte) {
	for more := true; more; {
		line := data
		i := bytes.IndexAny(data, "\r\n")
		if more = i >= 0; more {
			line = data[:i]
			if data[i] == '\r' && i+1 < len(data) && data[i+1] == '\n' {
				i++
			}
			data = data[i+1:]
		}
		e.out = append(e.out, "data: "...)
		for piece := range slices.Chunk(line, gathered) {
			e.out = append(e.out, piece...)
			e.more()
		}
		e.out = append(e.out, '\n')
		e.more()
	}
	e.out = append(e.out, '\n')
}

// Flush writes what was gathered. An error sticks.
func (e *eventStream) Flush() error {
	if e.err == nil {
		_, e.err = e.w.Write(e.out)
	}
	if e.out = e.out[:0]; cap(e.out) > 2*gathered {
		e.out = nil
	}
	return e.err
}
