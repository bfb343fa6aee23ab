package flags

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// ParseBytes reads size bytes of the command line: that many characters, twice as
// many hex digits, hex:DIGITS or base64:TEXT.
func ParseBytes(s string, size int) (b []byte, err error) {
	digits, isHex := strings.CutPrefix(s, "hex:")
	text, isBase64 := strings.CutPrefix(s, "base64:")
	switch {
	case isBase64:
		b, err = base64.StdEncoding.DecodeString(text)
	case isHex, len(s) == 2*size:
		b, err = hex.DecodeString(digits)
	case len(s) == size:
		return []byte(s), nil
	default:
		return nil, fmt.Errorf("%q has %d bytes; want %d characters, hex: and %d digits, or base64: and text", s, len(s), size, 2*size)
	}
	if err != nil {
		return nil, fmt.Errorf("%q: %w", s, err)
	}
	if len(b) != size {
		return nil, fmt.Errorf("%q stands for %d bytes; want %d", s, len(b), size)
	}
	return b, nil
}
