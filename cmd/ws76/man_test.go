package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ws76/ws76/internal/testenv"
)

// TestManRenders has man format every page: without a warning, and with no macro
// or escape left over.
func TestManRenders(t *testing.T) {
	man := testenv.Need(t, "man", "man-db")
	pages, err := filepath.Glob(filepath.Join(manDir, "*.[0-9]"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	for _, page := range pages {
		var stdout, stderr bytes.Buffer
		command := exec.CommandContext(t.Context(), man, "--warnings=w,all", "-l", page)
		command.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANWIDTH=80", "MANPAGER=cat", "MANROFFOPT=-c", "GROFF_NO_SGR=1")
		command.Stdout, command.Stderr = &stdout, &stderr
		if err := command.Run(); err != nil || stderr.Len() > 0 {
			t.Errorf("%s: %v\n%s", page, err, &stderr)
		}
		name, _, _ := strings.Cut(filepath.Base(page), ".")
		for _, want := range []string{strings.ToUpper(name) + "(", "NAME", "SEE ALSO"} {
			// Without a terminal man overstrikes for bold, or not at all.
			if !strings.Contains(withoutOverstrike(stdout.String()), want) {
				t.Errorf("%s: no %q in it", page, want)
			}
		}
		for i, line := range strings.Split(stdout.String(), "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), ".") && !strings.HasPrefix(strings.TrimSpace(line), "..") {
				t.Errorf("%s, line %d: a macro is left: %q", page, i+1, line)
			}
			if n := len([]rune(withoutOverstrike(line))); n > 80 {
				t.Errorf("%s, line %d: %d columns: %q", page, i+1, n, line)
			}
		}
	}
}

func withoutOverstrike(s string) string {
	var out []rune
	runes := []rune(s)
	for i, r := range runes {
		if r == '\b' || i+1 < len(runes) && runes[i+1] == '\b' {
			continue
		}
		out = append(out, r)
	}
	return string(out)
}
