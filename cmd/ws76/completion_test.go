package main

import (
	"slices"
	"testing"
)

// The scripts ask for words of kinds that there are.
func TestAskedKinds(t *testing.T) {
	for what, kind := range asked {
		if slices.Contains([]string{"port", "plugin-installed"}, kind) { // which a machine may have none of
			continue
		}
		if code, said := runQuietly(t, []string{"ws76", "__complete", kind, ""}, nil); code != 0 || said == "" {
			t.Errorf("%s asks for %q: %d, %q", what, kind, code, said)
		}
	}
}
