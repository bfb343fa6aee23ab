//go:build !linux

package tcp

import (
	"context"
	"net"
	"testing"
)

// stalled has no sure way to make a connection hang on this system.
func stalled(*testing.T, *Transport) func(ctx context.Context) (net.Conn, error) { return nil }
