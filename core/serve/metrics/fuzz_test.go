package metrics

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzScript: whatever a script gives, a scrape is lines of the format, and one
// series has one line that holds the label's value.
func FuzzScript(f *testing.F) {
	f.Add("temp", "room", "kitchen", 21.4)
	f.Add("a_1", "b", "\"\\\n", 0.0)
	f.Add("x{y=\"z\"} 1\nw", "le", "\xff\u2028", 1e300)
	f.Fuzz(func(t *testing.T, name, label, given string, v float64) {
		m := New(func(*Stats) {}, brief)
		err := m.Script(name, v, map[string]string{label: given})
		text := scrape(m)
		if !utf8.ValidString(text) {
			t.Fatalf("not UTF-8: %q", text)
		}
		lines := 0
		for line := range strings.Lines(text) {
			rest, ok := strings.CutPrefix(line, "ws76_script_")
			if !ok {
				continue
			}
			lines++
			rest = strings.TrimPrefix(rest, name+"{"+label+`="`)
			end := strings.LastIndex(rest, `"} `)
			if end < 0 {
				t.Fatalf("%q is no line of the series", line)
			}
			back := strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n").Replace(rest[:end])
			// string([]rune) makes of each invalid byte what the format's text has for it.
			if want := string([]rune(given)); back != want {
				t.Fatalf("the label is %q, want %q", back, want)
			}
		}
		if want := map[bool]int{true: 1, false: 0}[err == nil]; lines != want {
			t.Fatalf("%d lines after %v:\n%s", lines, err, text)
		}
	})
}
