package core

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ws76/ws76/core/hixie"
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

// DefaultDialect is the one that is dialled where nothing names another.
const DefaultDialect = Hixie76

// Dialects lists every dialect, oldest first.
var Dialects = [...]Dialect{Hixie75, Hixie76, RFC6455}

// protocols are those of Dialects. Who adds one adds its file and its place here.
var protocols = [len(Dialects)]protocol{hixieProtocol{hixie.Draft75}, hixieProtocol{hixie.Draft76}, rfcProtocol{}}

// protocol is what a dialect does its own way. Nothing else here, and nothing above,
// asks which dialect it has to do with.
type protocol interface {
	lacks() Lacks
	newFraming(o framingOptions) framing
	// frames is the dialect that frames of messages, made here, are those of.
	frames() Dialect
	// ends does FrameEnds, and cutsOff CutsOff.
	ends(b []byte) []int
	cutsOff(code int) bool

	// compose makes a client's request, of its options and its opening, and what is sent
	// with it. check says whether the response is right, and reads what follows it.
	compose(c *clientHandshake) error
	check(ctx context.Context, c *clientHandshake) error
	// answered reports whether what failed a handshake is an answer of this dialect.
	answered(e *HandshakeError) bool

	// asked reports whether a request is one of this dialect, or fails where it tries to be.
	asked(f hixie.Fields) (bool, error)
	// read checks the request of h, and respond makes the response to it.
	read(h *Handshake) error
	respond(h *Handshake, protocols []string) hixie.Response
	challenged() bool // see Handshake
}

// Index returns where d stands in Dialects, -1 if it does not.
func (d Dialect) Index() int { return slices.Index(Dialects[:], d) }

// protocolOf returns nil where there is no dialect d.
func protocolOf(d Dialect) protocol {
	if i := d.Index(); i >= 0 {
		return protocols[i]
	}
	return nil
}

// ParseDialect returns the dialect called name; the hyphen may be left out.
func ParseDialect(name string) (Dialect, error) {
	for _, d := range Dialects {
		if name == string(d) || name == strings.ReplaceAll(string(d), "-", "") {
			return d, nil
		}
	}
	return "", fmt.Errorf("no dialect %q; there are hixie-75, hixie-76 and rfc6455", name)
}

// Lacks is what a dialect does not have of what others have.
type Lacks struct {
	Binary   bool // binary messages; it has text only
	Pings    bool // a question that proves, when it is answered, that what was sent before it was read
	Closing  bool // a closing frame
	Masks    bool // masking keys: what a client has sent may go on to others as it is
	Choice   bool // more than one sub-protocol in a request
	Browsers bool // browsers of today that speak it
}

// Lacks returns what d does not have; nothing for what is no dialect.
func (d Dialect) Lacks() Lacks {
	if p := protocolOf(d); p != nil {
		return p.lacks()
	}
	return Lacks{}
}

// Draft returns which draft d is, false if it is none.
func (d Dialect) Draft() (hixie.Draft, bool) {
	p, ok := protocolOf(d).(hixieProtocol)
	return p.draft, ok
}

// framingOptions are what the framings of one connection are made of.
type framingOptions struct {
	client     bool
	maxMessage int64
	compressed bool            // that was negotiated
	mask       func() *[4]byte // of a client, see rfcFraming
	count      *counters
	trace      *Trace
}

// CutsOff reports whether a connection of dialect d is closed with code by the end of the
// stream, without a closing frame.
func CutsOff(d Dialect, code int) bool { return protocolOf(d).cutsOff(code) }

// FrameEnds returns where each message ends in b, which begins with a frame that was
// made here, in dialect d. Frames of other kinds and what is not whole count for nothing.
func FrameEnds(d Dialect, b []byte) []int { return protocolOf(d).ends(b) }
