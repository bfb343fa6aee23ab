package channels

import (
	"bytes"
	"encoding/base64"
	"io"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay/format"
)

// eventStream writes messages as server-sent events. A binary one is of the type
// "binary" and in base64.
type eventStream struct {
	w   io.Writer
	out []byte
}

// gathered is how many bytes wait for Flush, about.
const gathered = 64 << 10

func (e *eventStream) Write(m core.Message, _ format.Meta) error {
	if m.Kind == core.Binary {
		e.out = append(e.out, "event: binary\ndata: "...)
		e.out = append(base64.StdEncoding.AppendEncode(e.out, m.Data), "\n\n"...)
	} else {
		e.text(m.Data)
	}
	if len(e.out) < gathered {
		return nil
	}
	return e.Flush()
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
		e.out = append(e.out, line...)
		e.out = append(e.out, '\n')
	}
	e.out = append(e.out, '\n')
}

func (e *eventStream) Flush() error {
	_, err := e.w.Write(e.out)
	if e.out = e.out[:0]; cap(e.out) > 2*gathered {
		e.out = nil // it was one large message
	}
	return err
}
