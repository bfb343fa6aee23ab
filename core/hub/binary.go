package hub

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
)

// Binary says what becomes of a binary message towards a subscriber of drafts 75
// and 76, which know text only.
type Binary uint8

const (
	// Refuse leaves it out and counts it.
	Refuse Binary = iota
	// Base64 sends it as text in the standard alphabet.
	Base64
	// Hex sends it as text, two digits a byte.
	Hex
	// Latin1 sends each byte as the character of that number.
	Latin1
)

var binaryNames = [...]string{"refuse", "base64", "hex", "latin1"}

// String returns the name on the command line.
func (b Binary) String() string { return binaryNames[b] }

// ParseBinary returns what is called name.
func ParseBinary(name string) (Binary, error) {
	for i, n := range binaryNames {
		if n == name {
			return Binary(i), nil
		}
	}
	return 0, fmt.Errorf("no way %q for binary messages; want one of refuse, base64, hex, latin1", name)
}

// As returns the function that core.Shared.BinaryAs wants; nil for Refuse.
func (b Binary) As() func(dst, data []byte) []byte {
	switch b {
	case Base64:
		return base64.StdEncoding.AppendEncode
	case Hex:
		return hex.AppendEncode
	case Latin1:
		return appendLatin1
	}
	return nil
}

func appendLatin1(dst, data []byte) []byte {
	for _, c := range data {
		dst = append(dst, string(rune(c))...)
	}
	return dst
}
