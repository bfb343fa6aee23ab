package core

import (
	"errors"

	"github.com/ws76/ws76/core/hixie"
)

// Codec is the server's side of open connections of one dialect without I/O, for who does not want a Conn. Its Append
// methods are for any number of connections and goroutines at once; those that decode are for one connection at a time:
//
//	k.Feed(p)
//	n, ctl, err := k.Messages(each) // until ErrIncomplete
type Codec struct {
	// Begun is the caller's: when the message that is unfinished began.
	Begun int64
	// Holding is the caller's: what the unfinished message takes of a Budget.
	Holding Holding

	framing framing
	ev      event
	count   counters
}

// NewCodec returns a codec. compressed says that permessage-deflate was agreed on.
// Of trace only Frame and Note are called; nil is fine.
func NewCodec(d Dialect, compressed bool, trace *Trace) *Codec {
	k := new(Codec)
	k.framing = protocolOf(d).newFraming(framingOptions{compressed: compressed, count: &k.count, trace: trace})
	return k
}

// Reset makes the codec decode a stream whose first offset bytes were decoded
// already, up to the end of a frame. maxMessage 0 is DefaultMaxMessage.
func (k *Codec) Reset(maxMessage, offset int64) {
	if maxMessage == 0 {
		maxMessage = DefaultMaxMessage
	}
	k.framing.reset(maxMessage, offset)
}

// Between reports whether nothing is unfinished, so that another codec may go on.
func (k *Codec) Between() bool { return k.framing.between() }

// Feed lends p, the next bytes of the stream, until Messages returns ErrIncomplete. RFC 6455 unmasks in place.
func (k *Codec) Feed(p []byte) { k.framing.feed(p) }

// Room returns memory to read the next bytes of a large message into, in place of
// Feed, or nil; Advance then says how many were read.
func (k *Codec) Room() []byte { return k.framing.room() }

// Advance says that n bytes were read into what Room has just returned.
func (k *Codec) Advance(n int) { k.framing.advance(n) }

// Paused reports whether there is something to do without more bytes: the last call of Messages returned ErrPaused.
func (k *Codec) Paused() bool { return k.framing.paused() }

// Rest returns what was fed and is not used yet. It is valid as long as what was fed.
func (k *Codec) Rest() []byte { return k.framing.rest() }

// Own copies Rest, so that what was fed is the caller's again. It may be called
// when Messages has returned an error of each, or ErrPaused.
func (k *Codec) Own() { k.framing.own() }

// Trim gives up memory that is of no use between messages, for others to use.
func (k *Codec) Trim() { k.framing.trim() }

// Held returns how many bytes of memory the codec keeps for unfinished messages.
func (k *Codec) Held() int { return k.framing.held() }

// ControlKind says what a Control is.
type ControlKind uint8

const (
	Ping ControlKind = iota + 1
	Pong
	Closing
)

// Control is what the protocol itself says between messages.
type Control struct {
	Kind   ControlKind // 0: nothing
	Data   []byte      // of a ping or pong, valid until the next call of Messages
	Code   int         // of a closing
	Reason string      // of a closing
}

// Messages calls each with the messages in what was fed, whose data is valid until it returns, and says how many there
// were. It stops at ErrIncomplete, at ErrPaused, at a control, at an error of each, which it returns as it is, and at
// bytes that break the protocol; see Violation.
func (k *Codec) Messages(each func(Message) error) (n uint64, ctl Control, err error) {
	n, err, eachErr := k.framing.messages(&k.ev, each)
	if eachErr != nil {
		return n, Control{}, eachErr
	}
	if err != nil {
		return n, Control{}, err
	}
	switch k.ev.kind {
	case eventPing:
		ctl = Control{Kind: Ping, Data: k.ev.msg.Data}
	case eventPong:
		ctl = Control{Kind: Pong, Data: k.ev.msg.Data}
	case eventClosing:
		ctl = Control{Kind: Closing, Code: k.ev.code, Reason: k.ev.reason}
	}
	return n, ctl, nil
}

// NextRun returns the frames of messages that come next and lie whole, one behind the other, in what was fed, where
// they may be sent on by any codec of a draft as they are; n says how many there are. It takes turns with Messages, and
// gives none where the dialect is not like that, or each is to be traced.
func (k *Codec) NextRun() (frames []byte, n int) { return k.framing.nextRun() }

// Skipped returns how many frames that are no messages, and how many texts with
// bytes that are not UTF-8, were met since it was called last.
func (k *Codec) Skipped() (skipped, repaired uint64) {
	if k.count.skipped.Load()|k.count.repaired.Load() == 0 {
		return 0, 0
	}
	return k.count.skipped.Swap(0), k.count.repaired.Swap(0)
}

// Violation says how a connection ends whose peer broke the protocol with err.
// Where tell is set it is told so by a closing frame with the error's code first.
func (k *Codec) Violation(err error) (ce *CloseError, reason string, tell bool) {
	ce = &CloseError{Code: codeAbnormal, Err: err}
	code, reason, tell := k.framing.violation(err)
	if tell {
		ce.Code = code
	}
	return ce, reason, tell
}

// EOF says how a connection ends whose stream ends here; closing: our closing frame was sent before. nil means that the
// end counts as a closing frame, half of which is there.
func (k *Codec) EOF(closing bool) *CloseError { return eofError(k.framing, closing) }

func eofError(f framing, closing bool) *CloseError {
	err := f.end()
	switch {
	case errors.Is(err, hixie.ErrBareFF):
		return nil
	case err != nil:
		return &CloseError{Code: codeAbnormal, ByPeer: !closing, Err: err}
	case !f.hasClosing():
		return &CloseError{Clean: true, ByPeer: !closing, Code: codeNone}
	case closing:
		return &CloseError{Unanswered: true, Code: codeAbnormal}
	}
	return &CloseError{Code: codeAbnormal, ByPeer: true, Err: ErrNoClosingFrame}
}

// HasClosing reports whether the dialect has a closing frame; without one a side
// closes by ending its half of the stream.
func (k *Codec) HasClosing() bool { return k.framing.hasClosing() }

// Append appends the frame of m. It fails with ErrBinary or an *InvalidUTF8Error.
func (k *Codec) Append(dst []byte, m Message) ([]byte, error) { return k.framing.appendMessage(dst, m) }

// InPlace reports whether the payload of m is best sent from where it lies, between what AppendAround gives.
func (k *Codec) InPlace(m Message) bool { return len(m.Data) >= sendInPlace && k.framing.inPlace() }

// AppendAround appends what comes before the payload of m and, from dst[at] on,
// what comes after it. It fails as Append does.
func (k *Codec) AppendAround(dst []byte, m Message) (_ []byte, at int, err error) {
	if err := k.framing.check(m); err != nil {
		return dst, 0, err
	}
	dst = k.framing.appendHeader(dst, m)
	return k.framing.appendTrailer(dst), len(dst), nil
}

// AppendPong appends the answer to a ping.
func (k *Codec) AppendPong(dst, data []byte) []byte { return k.framing.appendPong(dst, data) }

// AppendClosing appends a closing frame, or nothing where there is none.
func (k *Codec) AppendClosing(dst []byte, code int, reason string) []byte {
	return k.framing.appendClosing(dst, code, reason)
}
