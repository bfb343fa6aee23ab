//go:build !race

package wifly

import (
	"bytes"
	"testing"
)

func TestFilterAllocs(t *testing.T) {
	f := newTestFilter()
	block := bytes.Repeat([]byte("\x00{\"id\":\"temperature\",\"value\":21.4}\xff"), 28)
	dst := make([]byte, 0, 2*len(block))
	f.feed(dst, block)
	if n := testing.AllocsPerRun(100, func() { dst = f.feed(dst[:0], block) }); n != 0 {
		t.Errorf("%v allocations for each read", n)
	}
}
