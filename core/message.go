package core

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

// Message is what an application sent, whole, whatever frames carried it. The data of a message that was received is
// not to be written to: who changes a message makes a new one.
type Message struct {
	Data []byte
	Kind Kind

	// valid: Data came in as UTF-8 and need not be checked again to be sent on.
	valid bool
}
