package main

import (
	"os"
	"regexp"
	"testing"
)

// TestInstallable finds what go install MODULE@latest refuses in go.mod.
func TestInstallable(t *testing.T) {
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if line := regexp.MustCompile(`(?m)^(replace|exclude)\b.*`).Find(text); line != nil {
		t.Errorf("go.mod has %q; go install of a version refuses that", line)
	}
}
