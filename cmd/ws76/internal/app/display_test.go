package app

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// No text of others makes a line of the log long.
func TestLogLinesAreShort(t *testing.T) {
	var out bytes.Buffer
	l := NewLogger(&out)
	l.Warnf("%s: %q and %d", strings.Repeat("\x01", 16<<10), strings.Repeat("é", 16<<10), 7)
	if text := out.String(); len(text) > maxForeign+200 || !strings.Contains(text, "bytes more") || !strings.HasSuffix(text, "and 7\n") {
		t.Errorf("%d bytes: …%q", len(text), text[len(text)-100:])
	}
}

// A character that is written in two pieces is shown as one.
func TestDisplayKeepsCharacters(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	d := &display{file: write}
	for _, c := range []byte("aé€😀\x1b\xe2\x82x\xf0") {
		d.Write([]byte{c})
	}
	d.Flush()
	write.Close()
	var got bytes.Buffer
	got.ReadFrom(read)
	if want := `aé€😀\x1b\xe2\x82x\xf0`; got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
}
