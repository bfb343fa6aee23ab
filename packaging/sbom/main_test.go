package main

import (
	"runtime/debug"
	"testing"
)

func TestBill(t *testing.T) {
	b := newBill("1.2.3", &debug.BuildInfo{
		GoVersion: "go1.26.8",
		Main:      debug.Module{Path: "example.org/prog", Version: "(devel)"},
		Settings:  []debug.BuildSetting{{Key: "GOARCH", Value: "mips"}},
		Deps: []*debug.Module{
			{Path: "example.org/a", Version: "v1.0.0", Sum: "h1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="},
			{Path: "example.org/b", Version: "v2.0.0", Replace: &debug.Module{Path: "example.org/c", Version: "v3.0.0"}},
		},
	})
	if p := b.Metadata.Component; p.PackageURL != "pkg:golang/example.org/prog@1.2.3" || p.Properties[0] != (property{"go:build:GOARCH", "mips"}) {
		t.Errorf("program: %+v", p)
	}
	want := []struct{ url, hash string }{
		{"pkg:golang/std@1.26.8", ""},
		{"pkg:golang/example.org/a@v1.0.0", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"},
		{"pkg:golang/example.org/c@v3.0.0", ""},
	}
	if len(b.Components) != len(want) {
		t.Fatalf("%+v", b.Components)
	}
	for i, w := range want {
		c := b.Components[i]
		if c.PackageURL != w.url || c.Ref != w.url || len(c.Hashes) != min(1, len(w.hash)) || len(c.Hashes) > 0 && c.Hashes[0].Content != w.hash {
			t.Errorf("component %d: %+v, want %v", i, c, w)
		}
	}
}
