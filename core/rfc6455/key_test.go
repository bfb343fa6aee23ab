package rfc6455

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"
)

// The example of section 1.3.
func TestAcceptKey(t *testing.T) {
	if got := AcceptKey("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Errorf("%q", got)
	}
}

func TestNewKey(t *testing.T) {
	got, err := NewKey(strings.NewReader("the sample nonce and more"))
	if err != nil || got != "dGhlIHNhbXBsZSBub25jZQ==" {
		t.Errorf("%q, %v; want the key of section 1.3", got, err)
	}
	if got, err := NewKey(rand.Reader); err != nil || !ValidKey(got) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := NewKey(bytes.NewReader(make([]byte, 15))); !errors.Is(err, io.ErrUnexpectedEOF) || got != "" {
		t.Errorf("%q, %v; want io.ErrUnexpectedEOF", got, err)
	}
}

func TestValidKey(t *testing.T) {
	for key, want := range map[string]bool{
		"dGhlIHNhbXBsZSBub25jZQ==":   true,
		"AQIDBAUGBwgJCgsMDQ4PEC==":   true, // stray bits in the last character
		"":                           false,
		"dGhlIHNhbXBsZSBub25jZQ":     false,
		"dGhlIHNhbXBsZSBub25jZQ=":    false,
		"dGhlIHNhbXBsZSBub25jZSE=":   false, // 17 bytes
		"dGhlIHNhbXBsZSBub25j":       false, // 15 bytes
		"dGhlIHNhbXBsZSBub25jZQ==\n": false,
		"dGhlIHNhbXBsZSBub25j\nZQ==": false,
		"dGhlIHNhbXBsZSBub2=jZQ==":   false,
		"dGhlIHNhbXBsZSBub25jZ?==":   false,
	} {
		if got := ValidKey(key); got != want {
			t.Errorf("ValidKey(%q) is %v", key, got)
		}
	}
}

func TestKnownVersion(t *testing.T) {
	for v, want := range map[string]bool{"13": true, "8": true, "7": true, "6": false, "0": false, "": false, "13, 8": false} {
		if KnownVersion(v) != want {
			t.Errorf("KnownVersion(%q) is %v", v, !want)
		}
	}
}
