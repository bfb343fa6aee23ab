package rfc6455

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
)

// Version is the value of Sec-WebSocket-Version that stands for RFC 6455.
const Version = "13"

// KnownVersion reports whether v, a value of Sec-WebSocket-Version, names a protocol that this package can frame: RFC
// 6455 itself, or the drafts hybi-07 ("7") and hybi-08 to hybi-12 ("8"), whose frames are the same.
func KnownVersion(v string) bool {
	return v == Version || v == "8" || v == "7"
}

const (
	keySize = 16 // bytes of a key before base64: section 4.1, step 7
	keyText = 24 // and after

	// guid is appended to the key before hashing (section 4.2.2, step 5.4).
	guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
)

// NewKey returns a Sec-WebSocket-Key made of 16 bytes read from r, which must be random. It fails only where r does.
func NewKey(r io.Reader) (string, error) {
	var b [keySize]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return "", fmt.Errorf("reading %d random bytes for Sec-WebSocket-Key: %w", keySize, err)
	}
	return base64.StdEncoding.EncodeToString(b[:]), nil
}

// ValidKey reports whether key is base64 of 16 bytes, as section 4.2.1 step 5 asks of a Sec-WebSocket-Key.
func ValidKey(key string) bool {
	// DecodeString skips line ends; the length counts them.
	if len(key) != keyText {
		return false
	}
	b, err := base64.StdEncoding.DecodeString(key)
	return err == nil && len(b) == keySize
}

// AcceptKey returns the Sec-WebSocket-Accept that answers key. The key is not checked.
func AcceptKey(key string) string {
	sum := sha1.Sum([]byte(key + guid))
	return base64.StdEncoding.EncodeToString(sum[:])
}
