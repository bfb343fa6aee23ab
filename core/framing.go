package core

import "errors"

// eventKind says what a framing found.
type eventKind uint8

const (
	eventMessage eventKind = iota
	eventPing
	eventPong
	eventClosing
)

// event is one thing that a peer sent: a message, or what the protocol itself says.
type event struct {
	kind   eventKind
	msg    Message
	code   int    // of a closing
	reason string // of a closing
}

// errIncomplete is what next returns when more bytes are needed.
var errIncomplete = errors.New("incomplete")

// errPaused is what next returns when others may take their turn first: a message that was compressed takes long.
var errPaused = errors.New("paused")

// inflatePiece is how many bytes are inflated between two pauses, about.
const inflatePiece = 128 << 10

// framing turns the bytes of one dialect into events and messages into bytes. The receiving methods belong to whoever
// holds Conn.reading, the appending ones to whoever holds Conn.writing.
type framing interface {
	// feed lends p until next returns errIncomplete.
	feed(p []byte)
	// room is where to read more of a large message, nil if there is none; advance says how much was read.
	room() []byte
	advance(n int)
	// next fills in ev. Its data is valid until the next call.
	next(ev *event) error
	// messages calls each with every message that next would give, until it gives something else, which is then in ev,
	// or an error, or each returns one. It says how many messages there were, and whose the error is.
	messages(ev *event, each func(Message) error) (n uint64, err, eachErr error)
	// end is what the end of the stream means here: nil between two frames,
	// hixie.ErrBareFF for half of a closing frame (Mojolicious sends it).
	end() error
	// between reports whether no message is unfinished.
	between() bool
	// held is how many bytes of memory are kept for messages; release gives up what
	// no unfinished one needs, forget all of it with what was fed: no message comes any more.
	held() int
	release()
	forget()
	// rest is what was fed and not used yet; own copies it, so that what was fed is the caller's again.
	rest() []byte
	own()
	// reset makes it decode a stream whose first offset bytes were decoded already.
	reset(maxMessage, offset int64)
	// paused reports whether there is something to do without more bytes.
	paused() bool
	// trim gives up memory that is of no use between messages, for others to use.
	trim()
	// nextRun returns frames of messages that lie whole and may be sent on as they are, by
	// any framing of which that is so, and how many they are.
	nextRun() (frames []byte, n int)
	// violation says what the peer is told about err, where the dialect has words for that.
	violation(err error) (code int, reason string, tell bool)
	// malformed reports whether err of next says that what came is no frame.
	malformed(err error) bool

	// check refuses a message that the dialect cannot carry.
	check(m Message) error
	// header and trailer go around a payload of n bytes that is sent from where it lies.
	appendHeader(dst []byte, m Message) []byte
	appendTrailer(dst []byte) []byte
	// inPlace reports whether a payload goes out as it is, so that it need not be copied.
	inPlace() bool
	// appendMessage checks m, too.
	appendMessage(dst []byte, m Message) ([]byte, error)
	appendPong(dst, p []byte) []byte
	// appendPing appends nothing where the dialect has none.
	appendPing(dst, p []byte) []byte
	// appendClosing appends nothing where the dialect has no closing frame.
	appendClosing(dst []byte, code int, reason string) []byte
	hasClosing() bool
}
