package hixie

import "fmt"

// A Draft is one of the two drafts this package speaks. They differ in the
// opening handshake and in the closing one, which 75 does not have.
type Draft int

const (
	Draft75 Draft = 75 // draft-hixie-thewebsocketprotocol-75
	Draft76 Draft = 76 // draft-hixie-thewebsocketprotocol-76, the same as hybi-00
)

// String returns "hixie-75" or "hixie-76".
func (d Draft) String() string {
	if d == Draft75 || d == Draft76 {
		return fmt.Sprintf("hixie-%d", int(d))
	}
	return fmt.Sprintf("Draft(%d)", int(d))
}
