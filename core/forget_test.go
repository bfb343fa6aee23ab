package core

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
)

// TestGivenUpForgets: the memory of a message that was given up is free at once, though the
// peer may take its time to end.
func TestGivenUpForgets(t *testing.T) {
	for _, d := range Dialects {
		ours, theirs := net.Pipe()
		go io.Copy(io.Discard, theirs)
		conn := newConn(ours, connConfig{dialect: d, maxMessage: DefaultMaxMessage, pending: NewBudget(100), closeTimeout: DefaultCloseTimeout})
		begin := "\x00"
		if d == RFC6455 {
			begin = "\x82\xff\x00\x00\x00\x00\x00\xf0\x00\x00\x00\x00\x00\x00"
		}
		go theirs.Write(append([]byte(begin), make([]byte, 1<<10)...))
		if _, err := conn.Receive(t.Context()); !errors.Is(err, ErrPendingFull) {
			t.Fatalf("%s: got %v", d, err)
		}
		if n := conn.framing.held(); n != 0 {
			t.Errorf("%s: %d bytes are held still", d, n)
		}
		theirs.Close()
		conn.Close(context.Background())
	}
}
