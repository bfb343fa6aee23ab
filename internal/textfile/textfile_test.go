package textfile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

var texts = []struct {
	name, data, text string
	bad              bool
}{
	{"empty", "", "", false},
	{"plain", "a = 1\n", "a = 1\n", false},
	{"short", "a", "a", false},
	{"marked", "\xef\xbb\xbfa\n", "a\n", false},
	{"nothing but a mark", "\xef\xbb\xbf", "", false},
	{"two marks", "\xef\xbb\xbf\xef\xbb\xbfa", "\xef\xbb\xbfa", false},
	{"half a mark", "\xef\xbb", "\xef\xbb", false},
	{"almost a mark", "\xef\xbba", "\xef\xbba", false},
	{"little endian", "\xff\xfea\x00", "", true},
	{"big endian", "\xfe\xff\x00a", "", true},
	{"UTF-32", "\xff\xfe\x00\x00a\x00\x00\x00", "", true},
	{"no mark", "\xff", "\xff", false},
}

func TestTexts(t *testing.T) {
	for _, c := range texts {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, []byte(c.data), 0o666); err != nil {
			t.Fatal(err)
		}
		check := func(how string, text []byte, err error) {
			if bad := errors.Is(err, ErrUTF16); bad != c.bad || !bad && (err != nil || string(text) != c.text) {
				t.Errorf("%s, %s: %q, %v", c.name, how, text, err)
			}
		}
		text, err := Decode([]byte(c.data))
		check("Decode", text, err)
		text, err = Read(path, 0)
		check("Read", text, err)
		if c.bad && !strings.Contains(err.Error(), path) {
			t.Errorf("%s: the error names no file: %v", c.name, err)
		}
		text, err = Read(path, 100)
		check("Read with a limit", text, err)
		for how, r := range map[string]io.Reader{
			"whole": strings.NewReader(c.data), "byte by byte": iotest.OneByteReader(strings.NewReader(c.data)),
			"with its end": iotest.DataErrReader(strings.NewReader(c.data)),
		} {
			text, err = io.ReadAll(NewReader(r))
			check(how, text, err)
		}
	}
}

func TestLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("\xef\xbb\xbf12345"), 0o666); err != nil {
		t.Fatal(err)
	}
	if text, err := Read(path, 5); err != nil || string(text) != "12345" {
		t.Errorf("5 bytes: %q, %v", text, err)
	}
	if _, err := Read(path, 4); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("5 bytes of 4: %v", err)
	}
}

// FuzzReader reads as Decode does, wherever the stream is cut.
func FuzzReader(f *testing.F) {
	for _, c := range texts {
		f.Add([]byte(c.data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		want, wantErr := Decode(data)
		for _, r := range []io.Reader{bytes.NewReader(data), iotest.OneByteReader(bytes.NewReader(data)), iotest.HalfReader(bytes.NewReader(data))} {
			got, err := io.ReadAll(NewReader(r))
			if err != wantErr || !bytes.Equal(got, want) {
				t.Errorf("%q, %v; want %q, %v", got, err, want, wantErr)
			}
		}
	})
}
