package core

import (
	"fmt"
	"strings"

	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/rfc6455"
)

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

// Hixie reports whether d is one of the two drafts of Ian Hickson. They have text only: no
// binary messages, no pings, and no codes in a closing frame.
func (d Dialect) Hixie() bool { return d == Hixie75 || d == Hixie76 }

// framingOptions are what the framings of one connection are made of.
type framingOptions struct {
	client     bool
	maxMessage int64
	flate      *rfc6455.Flate  // nil: not negotiated
	mask       func() *[4]byte // of a client, see rfcFraming
	count      *counters
	trace      *Trace
}

// newFraming returns the framing of d.
func newFraming(d Dialect, o framingOptions) framing {
	switch d {
	case RFC6455:
		f := &rfcFraming{flate: o.flate, mask: o.mask, trace: o.trace}
		f.d.MaxMessage, f.d.Masked, f.d.Inflate, f.d.Piece = o.maxMessage, !o.client, o.flate, inflatePiece
		return f
	case Hixie75:
		return newHixieFraming(hixie.Draft75, o.maxMessage, o.count, o.trace)
	}
	return newHixieFraming(hixie.Draft76, o.maxMessage, o.count, o.trace)
}

// CutsOff reports whether a connection of dialect d is closed with code by the end of the
// stream, without a closing frame: that is how draft 76 says that something has failed.
func CutsOff(d Dialect, code int) bool { return d == Hixie76 && code == rfc6455.CodeInternalError }

// FrameEnds returns where each message ends in b, which begins with a frame that was
// made here, in dialect d. Frames of other kinds and what is not whole count for nothing.
func FrameEnds(d Dialect, b []byte) []int {
	if d.Hixie() {
		return hixieEnds(b)
	}
	return rfcEnds(b)
}
