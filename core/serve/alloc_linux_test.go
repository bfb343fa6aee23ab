//go:build !race

package serve_test

import (
	"io"
	"strings"
	"testing"

	"github.com/ws76/ws76/core/serve"
)

// TestEchoAllocs: a message costs no allocation, on a loop.
func TestEchoAllocs(t *testing.T) {
	r := start(t, loops, &serve.Server{Events: told{}})
	stream := r.raw(t, true)
	message := []byte(strings.Repeat("\x00hello\xff", 50))
	b := make([]byte, len(message))
	allocs := testing.AllocsPerRun(200, func() {
		stream.Write(message)
		if _, err := io.ReadFull(stream, b); err != nil {
			t.Error(err)
		}
	})
	if allocs > 1 { // for 50 messages; anything else in the process counts, too
		t.Errorf("%v allocations", allocs)
	}
	r.end(t)
}
