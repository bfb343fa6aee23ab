package hub

import (
	"encoding/base64"
	"encoding/hex"
)

// Binary says what becomes of a binary message towards a subscriber of a dialect that
// knows text only.
type Binary string

const (
	// Refuse leaves it out and counts it, as "" does.
	Refuse Binary = "refuse"
	// Base64 sends it as text in the standard alphabet.
	Base64 Binary = "base64"
	// Hex sends it as text, two digits a byte.
	Hex Binary = "hex"
	// Latin1 sends each byte as the character of that number.
	Latin1 Binary = "latin1"
)

// As returns the function that core.Shared.BinaryAs wants; nil to leave it out.
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
