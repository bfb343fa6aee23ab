package serve

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
)

// What holds where a field of the Server, or of a connection's Settings, is zero.

func (s *Server) maxMessage(set *Settings) int64 {
	switch {
	case set != nil && set.MaxMessage > 0:
		return set.MaxMessage
	case s.Settings.MaxMessage > 0:
		return s.Settings.MaxMessage
	case s.Accept.MaxMessage > 0:
		return s.Accept.MaxMessage
	}
	return core.DefaultMaxMessage
}

func (s *Server) protocols(set *Settings) []string {
	switch {
	case set != nil && set.Protocols != nil:
		return set.Protocols
	case s.Settings.Protocols != nil:
		return s.Settings.Protocols
	}
	return s.Accept.Protocols
}

// header is what is added to a response.
func (s *Server) header(more hixie.Fields) hixie.Fields {
	if len(more) == 0 {
		return s.Accept.Header
	}
	return append(s.Accept.Header[:len(s.Accept.Header):len(s.Accept.Header)], more...)
}

func (s *Server) handshakeTimeout() time.Duration {
	if s.Accept.HandshakeTimeout > 0 {
		return s.Accept.HandshakeTimeout
	}
	return core.DefaultHandshakeTimeout
}

func (s *Server) closeTimeout() time.Duration {
	if s.Accept.CloseTimeout > 0 {
		return s.Accept.CloseTimeout
	}
	return core.DefaultCloseTimeout
}

// tick is how often deadlines are looked at: they are kept to an eighth.
func (s *Server) tick() time.Duration {
	shortest := min(s.handshakeTimeout(), s.closeTimeout())
	if s.Idle > 0 {
		shortest = min(shortest, s.Idle)
	}
	return min(max(shortest/8, time.Millisecond), 250*time.Millisecond)
}

// newLimiter allows perSecond messages, and as many at once as come in a second.
func newLimiter(perSecond float64) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond)))
}

func (s *Server) note(text string) {
	if t := s.Accept.Trace; t != nil && t.Note != nil {
		t.Note(text)
	}
}
