// Package recording is the file format of recorded connections: lines of JSON, a
// header first, then what happened, each with its time.
//
//	{"ws76":"recording","version":1,"time":"2026-01-01T12:00:00Z"}
//	{"t":0.000000,"conn":1,"event":"open","role":"client","dialect":"hixie-76","request":"GET / HTTP/1.1","header":[["Host","tv"]]}
//	{"t":0.012005,"data":"on","kind":"text","dir":"out","conn":1}
//	{"t":0.250310,"base64":"AAE=","kind":"binary","dir":"in","conn":1}
//	{"t":1.000000,"conn":1,"event":"close","clean":true,"code":1005}
//
// "t" is in seconds since the time in the header. "conn" tells the connections of
// a recording apart. "dir" is "in" for what was received and "out" for what was
// sent by who recorded, and "role" says which side of the connection that was.
// A message that is binary, or a text that is not UTF-8, is in "base64".
//
// A Reader ignores keys that it does not know. It also takes the lines that the
// format JSON of package format writes: there is no header then, and "time" in
// place of "t". So opens, closes and "conn" may be missing.
//
// The package knows no files and no clock.
package recording

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/relay/format"
)

// Version is that of the format, which stands in the header. It changes when a
// reader of today could not make sense of a file.
const Version = 1

// DefaultMaxMessage is the limit of messages where none is given: 16 MiB.
const DefaultMaxMessage = format.DefaultMaxMessage

// Event says what an Entry is.
type Event string

const (
	// Message is the zero Event: a message passed.
	Message Event = ""
	// Opened is a connection that is open now.
	Opened Event = "open"
	// Closed is the end of one.
	Closed Event = "close"
)

// Direction is the way of a message as who recorded it saw it.
type Direction string

const (
	// In is what was received.
	In Direction = "in"
	// Out is what was sent.
	Out Direction = "out"
)

// Side is one end of a connection.
type Side string

const (
	// Client is the side that has opened the connection.
	Client Side = "client"
	// Server is the side that was connected to.
	Server Side = "server"
)

// Other returns the opposite side.
func (s Side) Other() Side {
	if s == Client {
		return Server
	}
	return Client
}

// Sent returns the side that has sent a message of direction d, where role is the
// side that has recorded it.
func Sent(role Side, d Direction) Side {
	if d == Out {
		return role
	}
	return role.Other()
}

// Entry is one line behind the header.
type Entry struct {
	T       time.Duration // since the start of the recording; microseconds are kept
	Conn    int           // from 1
	Event   Event
	Dir     Direction    // of a message
	Message core.Message // of a message
	Open    Open         // of Opened
	Close   Close        // of Closed
}

// Open says how a connection began. Fields that are not known are empty.
type Open struct {
	Role     Side
	Dialect  core.Dialect
	URL      string // that was dialled
	Remote   string // address of the peer
	Request  string // the request line
	Header   hixie.Fields
	Protocol string // agreed on
}

// Close says how a connection ended.
type Close struct {
	Clean  bool
	Code   int    // of RFC 6455; 0 where it is not known
	Reason string // that the peer gave
	Error  string // why it is not clean
}

// AppendHeader appends the first line of a recording that starts at start.
func AppendHeader(dst []byte, start time.Time) []byte {
	dst = append(dst, `{"ws76":"recording","version":`...)
	dst = strconv.AppendInt(dst, Version, 10)
	dst = append(dst, `,"time":"`...)
	dst = start.UTC().AppendFormat(dst, time.RFC3339Nano)
	return append(dst, '"', '}', '\n')
}

// AppendEntry appends the line of e, which keeps nothing of dst.
func AppendEntry(dst []byte, e *Entry) []byte {
	dst = append(dst, `{"t":`...)
	dst = appendSeconds(dst, e.T)
	dst = append(dst, ',')
	if e.Event == Message {
		at := len(dst)
		dst = format.AppendJSON(dst, e.Message, format.Meta{Dir: string(e.Dir), Conn: e.Conn})
		return append(append(dst[:at], dst[at+1:]...), '\n') // without its brace
	}
	var rest any = eventClose{e.Conn, e.Event, e.Close.Clean, e.Close.Code, e.Close.Reason, e.Close.Error}
	if e.Event == Opened {
		o := eventOpen{e.Conn, e.Event, e.Open.Role, e.Open.Dialect, e.Open.URL, e.Open.Remote, e.Open.Request, nil, e.Open.Protocol}
		for _, f := range e.Open.Header {
			o.Header = append(o.Header, [2]string{f.Name, f.Value})
		}
		rest = o
	}
	var text bytes.Buffer
	marshal := json.NewEncoder(&text)
	marshal.SetEscapeHTML(false) // which would make keys of the handshake hard to read
	if err := marshal.Encode(rest); err != nil {
		panic(err) // there is nothing in it that can fail
	}
	return append(dst, text.Bytes()[1:]...)
}

type eventOpen struct {
	Conn     int          `json:"conn"`
	Event    Event        `json:"event"`
	Role     Side         `json:"role,omitempty"`
	Dialect  core.Dialect `json:"dialect,omitempty"`
	URL      string       `json:"url,omitempty"`
	Remote   string       `json:"remote,omitempty"`
	Request  string       `json:"request,omitempty"`
	Header   [][2]string  `json:"header,omitempty"`
	Protocol string       `json:"protocol,omitempty"`
}

type eventClose struct {
	Conn   int    `json:"conn"`
	Event  Event  `json:"event"`
	Clean  bool   `json:"clean"`
	Code   int    `json:"code,omitempty"`
	Reason string `json:"reason,omitempty"`
	Error  string `json:"error,omitempty"`
}

// appendSeconds appends d with microseconds.
func appendSeconds(dst []byte, d time.Duration) []byte {
	micro := max(d.Microseconds(), 0)
	dst = strconv.AppendInt(dst, micro/1e6, 10)
	dst = append(dst, '.')
	for digit := int64(1e5); digit > 0; digit /= 10 {
		dst = append(dst, byte('0'+micro/digit%10))
	}
	return dst
}
