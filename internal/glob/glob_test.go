package glob

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSplit(t *testing.T) {
	top := t.TempDir()
	odd := filepath.Join(top, "a[1] {x}")
	if err := os.MkdirAll(filepath.Join(odd, "in*"), 0o700); err != nil {
		t.Skip(err) // there are systems without such names
	}
	for path, want := range map[string]struct{ base, rest string }{
		".":              {odd, ""},
		"x.txt":          {filepath.Join(odd, "x.txt"), ""},
		"*.txt":          {odd, "*.txt"},
		"no/such/?/*":    {filepath.Join(odd, "no", "such"), "?/*"},
		"in*":            {filepath.Join(odd, "in*"), ""},
		"in*/*.txt":      {filepath.Join(odd, "in*"), "*.txt"},
		"../x":           {filepath.Join(top, "x"), ""},
		"{a/b,c}/d":      {odd, "{a/b,c}/d"},
		"**/*":           {odd, "**/*"},
		odd + "/q/**":    {filepath.Join(odd, "q"), "**"},
		odd:              {odd, ""},
		top + "/a[2]*/x": {top, "a[2]*/x"},
	} {
		if base, rest := Split(odd, filepath.FromSlash(path)); base != want.base || rest != want.rest {
			t.Errorf("%s: %q and %q, want %q and %q", path, base, rest, want.base, want.rest)
		}
	}
	for path, want := range map[string]bool{"x.txt": true, "in/x.txt": false, "x.dat": false} {
		if Match(odd, "*.txt", filepath.Join(odd, path)) != want {
			t.Errorf("%s: matches %v", path, !want)
		}
	}
	if Match(odd, "*", top) || Match(odd, "*", odd) || !Match(string(filepath.Separator), "*", string(filepath.Separator)+"x") {
		t.Error("what is not below a base fits, or what is below the root does not")
	}
}
