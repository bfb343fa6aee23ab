package nearest_test

import (
	"testing"

	"github.com/ws76/ws76/internal/nearest"
)

func TestName(t *testing.T) {
	names := []string{"connect", "serve", "keygen", "bridge", "on_message"}
	for name, want := range map[string]string{
		"conect": "connect", "server": "serve", "onmessage": "on_message", "keygen": "keygen",
		"x": "", "": "", "completely-else": "",
	} {
		if got := nearest.Name(name, names); got != want {
			t.Errorf("near %q is %q, want %q", name, got, want)
		}
	}
}
