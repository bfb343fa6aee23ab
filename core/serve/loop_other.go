//go:build !linux

package serve

import (
	"context"
	"net"
)

// startLoops starts none: elsewhere than on Linux goroutines serve every connection.
func (s *Server) startLoops(_ serving, listeners []net.Listener, _ func(error)) (wait func(context.Context), rest []net.Listener) {
	return func(context.Context) {}, listeners
}
