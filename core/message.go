package core

import (
	"fmt"
	"strings"
)

// Kind says what an application sent: text or binary.
type Kind uint8

const (
	// Text is the only kind that drafts 75 and 76 know.
	Text Kind = iota
	// Binary exists in RFC 6455 only.
	Binary
)

// String returns "text" or "binary".
func (k Kind) String() string {
	if k == Binary {
		return "binary"
	}
	return "text"
}

// Message is what an application sent, whole, whatever frames carried it. The
// data of a message that was received is not to be written to: who changes a
// message makes a new one.
type Message struct {
	Data []byte
	Kind Kind

	// valid: Data came in as UTF-8 and need not be checked again to be sent on.
	valid bool
}

// Dialect names the wire protocol of a connection.
type Dialect string

const (
	// Hixie75 is draft-hixie-thewebsocketprotocol-75.
	Hixie75 Dialect = "hixie-75"
	// Hixie76 is draft-hixie-thewebsocketprotocol-76, also known as hybi-00.
	Hixie76 Dialect = "hixie-76"
	// RFC6455 is the protocol of 2011 ("version 13") that replaced the drafts.
	RFC6455 Dialect = "rfc6455"
)

// Dialects lists every dialect, oldest first.
var Dialects = []Dialect{Hixie75, Hixie76, RFC6455}

// ParseDialect returns the dialect called name; the hyphen may be left out.
func ParseDialect(name string) (Dialect, error) {
	for _, d := range Dialects {
		if name == string(d) || name == strings.ReplaceAll(string(d), "-", "") {
			return d, nil
		}
	}
	return "", fmt.Errorf("no dialect %q; there are hixie-75, hixie-76 and rfc6455", name)
}
