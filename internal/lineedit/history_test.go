package lineedit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHistoryFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "history")
	h, err := OpenHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"one", "one", "", " secret", "two\nlines", strings.Repeat("x", maxEntry+1), "three"} {
		h.Add(line)
	}
	if h.Len() != 4 || h.At(0) != "three" || h.At(3) != "one" || h.Err() != nil {
		t.Errorf("%d entries, the last is %q, the first %q; %v", h.Len(), h.At(0), h.At(h.Len()-1), h.Err())
	}
	if text, _ := os.ReadFile(path); string(text) != "one\nthree\n" {
		t.Errorf("the file holds %q", text)
	}
	os.Chmod(path, 0o644)
	if h, err = OpenHistory(path); err != nil || h.Len() != 2 {
		t.Errorf("read %d entries, %v", h.Len(), err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("mode %v", info.Mode())
	}
}

// Memory and file stay bounded, and the last entries are there.
func TestHistoryBounds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	var text strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&text, "line %d, which is not short\n", i)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := OpenHistory(path)
	if err != nil || h.Len() != MaxHistory || h.At(0) != "line 59999, which is not short" {
		t.Fatalf("%d entries, %v", h.Len(), err)
	}
	if info, _ := os.Stat(path); info.Size() > MaxHistory*40 {
		t.Errorf("the file has %d bytes", info.Size())
	}
	h.Add("new")
	if again, err := OpenHistory(path); err != nil || again.Len() != MaxHistory || again.At(0) != "new" {
		t.Errorf("%d entries, %v", again.Len(), err)
	}
}

func TestHistoryUnusable(t *testing.T) {
	h, err := OpenHistory(t.TempDir()) // a folder
	if err == nil {
		t.Fatal("a folder was taken for a history")
	}
	h.Add("kept in memory")
	if h.Len() != 1 || h.Err() != nil {
		t.Errorf("%d entries, %v", h.Len(), h.Err())
	}
}
