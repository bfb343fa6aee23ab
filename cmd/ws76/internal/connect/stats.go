package connect

import (
	"fmt"
	"time"

	"github.com/ws76/ws76/core"
)

// stats is what --stats says.
type stats struct {
	start   time.Time
	connect time.Duration
	conns   int
	total   core.Stats
}

func (s *stats) opened(took time.Duration) { s.connect = took; s.conns++ }

func (s *stats) String() string {
	connections := "1 connection"
	if s.conns != 1 {
		connections = fmt.Sprintf("%d connections", s.conns)
	}
	return fmt.Sprintf("%s, the last opened in %v; %d messages in (%d bytes), %d out (%d bytes); %v in all",
		connections, s.connect.Round(time.Microsecond), s.total.MessagesIn, s.total.BytesIn, s.total.MessagesOut, s.total.BytesOut,
		time.Since(s.start).Round(time.Millisecond))
}
