package serve

import (
	"cmp"
	"time"

	"golang.org/x/time/rate"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/internal/tcplimit"
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

// Of these bounds 0 is the default, and what is below 0 is none, for which they return 0.

func (s *Server) handshakeTimeout() time.Duration {
	return max(cmp.Or(s.Accept.HandshakeTimeout, core.DefaultHandshakeTimeout), 0)
}

func (s *Server) closeTimeout() time.Duration {
	return max(cmp.Or(s.Accept.CloseTimeout, core.DefaultCloseTimeout), 0)
}

func (s *Server) messageTimeout() time.Duration {
	return max(cmp.Or(s.Accept.MessageTimeout, core.DefaultMessageTimeout), 0)
}

func (s *Server) writeTimeout() time.Duration {
	return max(cmp.Or(s.Accept.WriteTimeout, core.DefaultWriteTimeout), 0)
}

func (s *Server) deadAfter() time.Duration { return tcplimit.OrDefault(s.DeadAfter) }

// tick is how often deadlines are looked at: they are kept to an eighth.
func (s *Server) tick() time.Duration {
	shortest := min(s.handshakeTimeout(), s.closeTimeout())
	for _, d := range []time.Duration{s.Idle, s.messageTimeout(), s.writeTimeout()} {
		if d > 0 {
			shortest = min(shortest, d)
		}
	}
	return min(max(shortest/8, time.Millisecond), 250*time.Millisecond)
}

// newLimiter allows perSecond messages, and as many at once as come in a second.
func newLimiter(perSecond float64) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(perSecond), int(min(max(1, perSecond), 1<<30)))
}

func (s *Server) note(text string) {
	if t := s.Accept.Trace; t != nil && t.Note != nil {
		t.Note(text)
	}
}
