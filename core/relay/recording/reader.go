package recording

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/internal/textfile"
)

// SyntaxError says what is wrong in a recording, and in which line, from 1.
type SyntaxError struct {
	Line   int
	Reason string
	Err    error // what lies behind, or nil
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d of the recording: %s", e.Line, e.Reason)
}

// Unwrap returns e.Err.
func (e *SyntaxError) Unwrap() error { return e.Err }

// Reader reads a recording, one line at a time, or several that were written to a file
// one after the other: the connections of each are numbered on. It is not for concurrent use.
type Reader struct {
	lines  *bufio.Scanner
	limit  int64 // of a message
	line   int   // number of the last one read
	start  time.Time
	headed bool // a header was read
	last   time.Duration
	// Of the recording that is read, where several follow one another in a file.
	base  time.Duration // when it began
	conns int           // connections of those before it
	most  int           // the highest number of a connection

	whole bool // the last line read has an end
	cut   bool
}

// NewReader returns a Reader of r. A message over maxMessage bytes is an error
// before memory is spent on it; 0 is DefaultMaxMessage.
func NewReader(r io.Reader, maxMessage int64) *Reader {
	if maxMessage == 0 {
		maxMessage = DefaultMaxMessage
	}
	// Of JSON a byte takes at most six; beside the message there may be a head.
	most := int(min(maxMessage, math.MaxInt/8-1<<20)*6 + 1<<18)
	lines := bufio.NewScanner(textfile.NewReader(r))
	lines.Buffer(nil, most)
	reader := &Reader{lines: lines, limit: maxMessage}
	lines.Split(reader.split)
	return reader
}

// split is bufio.ScanLines, and notes whether the line has an end.
func (r *Reader) split(data []byte, atEOF bool) (advance int, token []byte, err error) {
	advance, token, err = bufio.ScanLines(data, atEOF)
	if token != nil {
		r.whole = advance > 0 && data[advance-1] == '\n'
	}
	return advance, token, err
}

// Cut reports whether the last line was cut and left out: whoever wrote it ended in the
// middle. It is known once Next has returned io.EOF.
func (r *Reader) Cut() bool { return r.cut }

// Start returns the time that Entry.T counts from: the one in the header, or that
// of the first line. It is zero before Next was called, and where there is none.
func (r *Reader) Start() time.Time { return r.start }

// Line returns the number of the line that Next has read last, from 1.
func (r *Reader) Line() int { return r.line }

// Next returns the next entry, which is the caller's, or io.EOF behind the last.
// Other errors are a *SyntaxError or what the stream has returned; no entry
// follows them.
func (r *Reader) Next() (Entry, error) {
	for r.lines.Scan() {
		r.line++
		text := bytes.TrimSpace(r.lines.Bytes())
		if len(text) == 0 {
			continue
		}
		var l line
		if err := r.parse(text, &l); err != nil {
			if !r.whole && r.headed && (errors.Is(err, io.ErrUnexpectedEOF) || hixie.InvalidAt(text) >= 0) {
				r.cut = true
				return Entry{}, io.EOF
			}
			return Entry{}, err
		}
		if l.WS76 != nil {
			if err := r.header(&l); err != nil {
				return Entry{}, err
			}
			continue
		}
		return r.entry(&l)
	}
	switch err := r.lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		r.line++
		return Entry{}, r.wrong(core.ErrMessageTooLarge, "longer than a message of %d bytes can be", r.limit)
	case err != nil:
		return Entry{}, fmt.Errorf("reading the recording behind line %d: %w", r.line, err)
	}
	return Entry{}, io.EOF
}

// line is any line of a recording. Those of events share the key "reason" and
// the like with nothing else.
type line struct {
	WS76    *string    `json:"ws76"`
	Version int        `json:"version"`
	Time    *time.Time `json:"time"`

	T    *float64 `json:"t"`
	Conn *int     `json:"conn"`

	Event  Event     `json:"event"`
	Dir    Direction `json:"dir"`
	Kind   *string   `json:"kind"`
	Data   *string   `json:"data"`
	Base64 *[]byte   `json:"base64"`

	Role     Side         `json:"role"`
	Dialect  core.Dialect `json:"dialect"`
	URL      string       `json:"url"`
	Remote   string       `json:"remote"`
	Request  string       `json:"request"`
	Header   [][]string   `json:"header"`
	Protocol string       `json:"protocol"`

	Clean  bool   `json:"clean"`
	Code   int    `json:"code"`
	Reason string `json:"reason"`
	Error  string `json:"error"`
}

func (r *Reader) wrong(err error, format string, args ...any) error {
	return &SyntaxError{Line: r.line, Reason: fmt.Sprintf(format, args...), Err: err}
}

func (r *Reader) parse(text []byte, l *line) error {
	if i := hixie.InvalidAt(text); i >= 0 {
		return r.wrong(nil, "byte %d, 0x%02X, is not UTF-8", i, text[i])
	}
	if err := json.Unmarshal(text, l); err != nil {
		if err.Error() == "unexpected end of JSON input" {
			return r.wrong(io.ErrUnexpectedEOF, "the line is cut")
		}
		return r.wrong(err, "%v", err)
	}
	// encoding/json makes U+FFFD of half a surrogate pair and does not say so.
	if l.Data != nil && bytes.Contains(bytes.ToLower(text), []byte(`\ud`)) && bytes.ContainsRune([]byte(*l.Data), '\uFFFD') {
		return r.wrong(nil, `"data" has half of a surrogate pair, which is no character`)
	}
	return nil
}

func (r *Reader) header(l *line) error {
	switch {
	case *l.WS76 != "recording":
		return r.wrong(nil, `"ws76" is %q, want "recording"`, *l.WS76)
	case !r.headed && (r.last > 0 || !r.start.IsZero()):
		return r.wrong(nil, "a header that is not the first line")
	case l.Version != Version:
		return r.wrong(nil, "version %d of the format, this program reads version %d", l.Version, Version)
	case r.headed: // another recording, appended
		r.base, r.conns = r.last, r.most
		if l.Time != nil && !r.start.IsZero() {
			r.base = max(r.base, l.Time.Sub(r.start))
		}
		return nil
	}
	r.headed = true
	if l.Time != nil {
		r.start = *l.Time
	}
	return nil
}

func (r *Reader) entry(l *line) (Entry, error) {
	e := Entry{Conn: 1, Event: l.Event}
	if l.Conn != nil {
		e.Conn = *l.Conn
	}
	if e.Conn < 1 {
		return e, r.wrong(nil, `"conn" is %d, want 1 or more`, e.Conn)
	}
	e.Conn += r.conns
	r.most = max(r.most, e.Conn)
	var err error
	if e.T, err = r.time(l); err != nil {
		return e, err
	}
	switch e.Event {
	case Message:
		e.Dir = l.Dir
		e.Message, err = r.message(l)
		if e.Dir == "" && !r.headed {
			e.Dir = In
		}
		if err == nil && e.Dir != In && e.Dir != Out {
			err = r.wrong(nil, `"dir" is %q, want "in" or "out"`, e.Dir)
		}
	case Opened:
		e.Open = Open{Role: l.Role, Dialect: l.Dialect, URL: l.URL, Remote: l.Remote, Request: l.Request, Protocol: l.Protocol}
		if e.Open.Role != "" && e.Open.Role != Client && e.Open.Role != Server {
			err = r.wrong(nil, `"role" is %q, want "client" or "server"`, e.Open.Role)
		}
		for _, f := range l.Header {
			if len(f) != 2 {
				return e, r.wrong(nil, `"header" has %d strings in a field, want its name and its value`, len(f))
			}
			e.Open.Header = append(e.Open.Header, hixie.Field{Name: f[0], Value: f[1]})
		}
	case Closed:
		e.Close = Close{Clean: l.Clean, Code: l.Code, Reason: l.Reason, Error: l.Error}
	default:
		err = r.wrong(nil, `"event" is %q, want "open" or "close"`, e.Event)
	}
	return e, err
}

// time returns when l was: "t", or "time" since that of the first line.
func (r *Reader) time(l *line) (time.Duration, error) {
	const most = 100 * 365 * 24 * time.Hour
	switch {
	case l.T != nil:
		if !(*l.T >= 0 && *l.T <= most.Seconds()) {
			return 0, r.wrong(nil, `"t" is %v, want seconds since the start`, *l.T)
		}
		t := r.base + time.Duration(math.Round(*l.T*1e6))*time.Microsecond
		if t < r.last {
			return 0, r.wrong(nil, `"t" is %v, before the line above it, %v`, *l.T, r.last.Seconds())
		}
		r.last = t
	case r.headed:
		return 0, r.wrong(nil, `no "t", the time`)
	case l.Time != nil:
		if r.start.IsZero() {
			r.start = *l.Time
		}
		// The clock of the wall may have been set back.
		if t := l.Time.Sub(r.start); t <= most {
			r.last = max(r.last, t)
		}
	}
	return r.last, nil
}

func (r *Reader) message(l *line) (core.Message, error) {
	var m core.Message
	switch {
	case l.Data != nil && l.Base64 != nil:
		return m, r.wrong(nil, `both "data" and "base64"`)
	case l.Data != nil:
		m.Data = []byte(*l.Data)
	case l.Base64 != nil:
		m.Data, m.Kind = *l.Base64, core.Binary
	default:
		return m, r.wrong(nil, `neither "data" nor "base64", nor an "event"`)
	}
	if int64(len(m.Data)) > r.limit {
		return m, r.wrong(core.ErrMessageTooLarge, "a message of %d bytes, the limit is %d", len(m.Data), r.limit)
	}
	if l.Kind != nil {
		switch *l.Kind {
		case "text":
			m.Kind = core.Text
		case "binary":
			m.Kind = core.Binary
		default:
			return m, r.wrong(nil, `"kind" is %q, want "text" or "binary"`, *l.Kind)
		}
	}
	return m, nil
}
