package luasyntax

import (
	"bytes"
	"errors"
	"testing"
)

// FuzzParse reads anything. What it says does not depend on what is behind the place where it says it.
func FuzzParse(f *testing.F) {
	for _, test := range texts {
		f.Add([]byte(test.src))
	}
	for _, test := range limits() {
		f.Add([]byte(test.src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		chunk, err := Parse(src, "s")
		if (chunk == nil) != (err != nil) {
			t.Fatalf("a chunk: %t, and %v", chunk != nil, err)
		}
		if err == nil {
			if _, err := Parse(append(bytes.Clone(src), "\nend"...), "s"); err == nil {
				t.Fatal("there is no error in what has an end too many")
			}
			return
		}
		var syntax *Error
		if !errors.As(err, &syntax) || syntax.Line < 1 || syntax.Line > 1+bytes.Count(src, []byte("\n"))+bytes.Count(src, []byte("\r")) {
			t.Fatalf("%T: %v", err, err)
		}
	})
}
