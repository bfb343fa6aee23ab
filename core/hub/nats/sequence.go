package nats

import (
	"strconv"
	"strings"

	"github.com/nats-io/nuid"
)

// Header fields of a message. The numbers of one process and channel start at 1.
const (
	kindField  = "Ws76-Kind"
	binaryKind = "binary"
	seqField   = "Ws76-Seq"
)

// Bounds of what is remembered. Beyond them it is forgotten, and with it what a
// gap would have shown.
const (
	maxChannels = 100_000
	maxOrigins  = 1024
)

// sequence numbers what this process publishes, by channel.
type sequence struct {
	origin string
	last   map[string]uint64
}

// next returns the header of the next message on channel.
func (s *sequence) next(channel string) string {
	if s.last == nil || len(s.last) >= maxChannels && s.last[channel] == 0 {
		// Numbers that begin again belong to another origin.
		s.origin, s.last = nuid.Next(), make(map[string]uint64)
	}
	s.last[channel]++
	return s.origin + " " + strconv.FormatUint(s.last[channel], 10)
}

// missing returns how many messages of the same origin should have come before the
// one with this header. What comes from elsewhere has no number.
func (s *subscription) missing(header []string) uint64 {
	if len(header) != 1 {
		return 0
	}
	origin, number, _ := strings.Cut(header[0], " ")
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || len(origin) > 64 {
		return 0
	}
	last, known := s.last[origin]
	if !known && len(s.last) >= maxOrigins {
		clear(s.last)
	}
	s.last[origin] = n
	if !known || n <= last {
		return 0
	}
	return n - last - 1
}
